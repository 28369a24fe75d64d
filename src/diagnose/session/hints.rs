//! HINTS: what a client says of the conversation that its request belongs to.

use std::hash::BuildHasher;

use serde_json::Value;

use crate::diagnose::prompt::keys;

/// The headers that name a conversation (Open WebUI, Codex, others); the first that is there
/// counts.
pub const SESSION_HEADERS: [&str; 3] = ["x-openwebui-chat-id", "session-id", "x-session-id"];

/// The longest id that is taken from a client, in characters.
pub const SESSION_ID_MAX: usize = 128;

/// Before the id of the session in what Claude Code sends as the id of its user.
const SESSION_MARK: &str = "_session_";

/// What a request and its reply say of their conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionHints {
    /// The id that the client gave the conversation.
    pub told: Option<String>,
    /// The hash of the id of the response that this request goes on from.
    pub previous_response: Option<u64>,
    /// The hash of the id of its own response.
    pub response: Option<u64>,
}

impl SessionHints {
    /// Returns the memory that it takes beside its own size, in bytes.
    pub fn bytes(&self) -> usize {
        self.told.as_ref().map_or(0, String::len)
    }
}

/// Returns an id that a client sent, if it is one: 1 to `SESSION_ID_MAX` printable characters.
pub fn session_id(text: &str) -> Option<String> {
    let text = text.trim();
    let is_short = text.chars().nth(SESSION_ID_MAX).is_none();
    let is_id = is_short && !text.is_empty() && !text.contains(crate::util::sanitize::is_harmful);
    is_id.then(|| text.to_owned())
}

/// Returns the session in the `metadata.user_id` of Claude Code: `user_…_session_ID`, or JSON with
/// a `session_id` since 2.1.78.
pub fn session_of_user(user_id: &str) -> Option<String> {
    if let Some((_, id)) = user_id.split_once(SESSION_MARK) {
        return session_id(id);
    }
    let fields: Value = serde_json::from_str(user_id).ok()?;
    session_id(fields.get("session_id")?.as_str()?)
}

/// Returns the keyed hash by which the id of a response is known again.
pub fn response_hash(id: &str) -> Option<u64> {
    (!id.is_empty()).then(|| keys().hash_one(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_only_where_they_are_short_and_printable() {
        let longest = "é".repeat(SESSION_ID_MAX);
        for (text, id) in [
            ("0f1e", Some("0f1e")),
            (" chat 7 ", Some("chat 7")),
            (&longest, Some(&*longest)),
            (&format!("{longest}x"), None),
            ("", None),
            ("  ", None),
            ("a\u{1b}[2J", None),
            ("a\u{202e}b", None),
        ] {
            assert_eq!(session_id(text).as_deref(), id, "{text:?}");
        }
    }

    #[test]
    fn claude_code_tells_its_session_in_either_form() {
        for (user_id, id) in [
            ("user_0a1b_account__session_c0ffee-1", Some("c0ffee-1")),
            ("user_0a1b_account_77_session_c0ffee-1", Some("c0ffee-1")),
            (
                r#"{"device_id":"0a1b","account_uuid":"","session_id":"c0ffee-1"}"#,
                Some("c0ffee-1"),
            ),
            ("user_0a1b_account__session_", None),
            ("somebody", None),
            (r#"{"session_id":7}"#, None),
            ("7", None),
        ] {
            assert_eq!(session_of_user(user_id).as_deref(), id, "{user_id}");
        }
    }
}
