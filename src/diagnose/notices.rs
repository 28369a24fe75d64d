//! NOTICES: which findings the log tells: the first of a group at once, then one line an hour with the count.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use log::Level;

use super::bounded::Bounded;
use super::groups::{GROUPS_MAX, key};
use super::{Certainty, Finding};

/// The shortest time between two lines about one group.
const INTERVAL: Duration = Duration::from_secs(3600);

/// The clients that a line may name, by the products of their user agents in lower case: every other
/// name is a stranger's text.
const KNOWN_CLIENTS: [(&str, &str); 18] = [
    ("anythingllm", "AnythingLLM"),
    ("claude-cli", "Claude Code"),
    ("codex_cli_rs", "Codex"),
    ("curl", "curl"),
    ("go-http-client", "a Go program"),
    ("homeassistant", "Home Assistant"),
    ("langchain", "LangChain"),
    ("litellm", "LiteLLM"),
    ("n8n", "n8n"),
    ("ollama", "ollama"),
    ("ollama-js", "ollama-js"),
    ("ollama-python", "ollama-python"),
    ("open-webui", "Open WebUI"),
    ("openai", "the OpenAI library"),
    ("openwebui", "Open WebUI"),
    ("python-httpx", "python-httpx"),
    ("python-requests", "python-requests"),
    ("zed", "Zed"),
];

/// A line for the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub text: String,
}

/// The request that a finding is about.
#[derive(Clone, Copy, Debug)]
pub struct NoticedRequest<'a> {
    pub id: &'a str,
    pub model: &'a str,
    /// The name of its client, as statistics know it.
    pub client: Option<&'a str>,
}

/// Remembers what the log was told. Whoever learns of findings keeps one value, calls `note` for
/// each finding in the order in which the requests end, and logs what it returns:
///
/// ```text
/// for finding in &report.findings {
///     if let Some(notice) = notices.note(finding, request, SystemTime::now()) {
///         log::log!(notice.level, "{}", notice.text);
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Notices {
    groups: Bounded<String, LastLine>,
}

/// What is remembered of a group.
#[derive(Debug, Default)]
struct LastLine {
    /// When its last line was written; `None` before the first.
    at: Option<SystemTime>,
    /// Findings since then.
    untold: u64,
}

impl Default for Notices {
    fn default() -> Notices {
        Notices {
            groups: Bounded::new(GROUPS_MAX),
        }
    }
}

impl Notices {
    /// Counts a finding. Returns a line where the group has had none for an hour: a warning for what
    /// is sure, else for information.
    pub fn note(
        &mut self,
        finding: &Finding,
        request: NoticedRequest<'_>,
        now: SystemTime,
    ) -> Option<Notice> {
        let told = self.groups.entry(key(finding, request.model));
        told.untold += 1;
        if told.at.is_some_and(|at| distance(at, now) < INTERVAL) {
            return None;
        }
        let is_first = told.at.is_none();
        let count = std::mem::take(&mut told.untold);
        told.at = Some(now);
        let level = match finding.certainty {
            Certainty::Sure => Level::Warn,
            Certainty::Likely => Level::Info,
        };
        let mut text = line(finding, request);
        if !is_first {
            _ = write!(text, " count={count}");
        }
        Some(Notice { level, text })
    }
}

/// How far apart two times are; a clock may be set back.
fn distance(a: SystemTime, b: SystemTime) -> Duration {
    b.duration_since(a).unwrap_or_else(|e| e.duration())
}

/// Kind, cause, certainty, request and numbers; no sentence, which may name any client.
fn line(finding: &Finding, request: NoticedRequest<'_>) -> String {
    let NoticedRequest { id, model, client } = request;
    let (kind, certainty) = (finding.kind.as_str(), finding.certainty.as_str());
    let mut text = format!("{id} {model} {kind} {certainty} cause={}", finding.cause);
    if let Some(client) = client.and_then(known_client) {
        _ = write!(text, " client={client:?}");
    }
    for (name, value) in &finding.fields {
        if let Some(number) = value.as_u64() {
            _ = write!(text, " {name}={number}");
        } else if let Some(number) = value.as_f64() {
            _ = write!(text, " {name}={number:.2}");
        }
    }
    text
}

/// The usual name of a client that is on our list.
fn known_client(name: &str) -> Option<&'static str> {
    let product = name.split(['/', ' ']).next().unwrap_or_default();
    KNOWN_CLIENTS
        .iter()
        .find(|(known, _)| product.eq_ignore_ascii_case(known))
        .map(|(_, usual)| *usual)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnose::Kind;

    const REQUEST: NoticedRequest<'static> = NoticedRequest {
        id: "00ff",
        model: "phi4",
        client: Some("curl/8.5.0 at 10.0.0.7"),
    };

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn cut(certainty: Certainty) -> Finding {
        Finding::new(Kind::ContextCut, certainty, "middle")
            .sentence("the sentence of evil/1.0")
            .field("context_length", Some(4096))
            .field("evidence", Some("words"))
            .field("seconds_lost", Some(1.5))
    }

    #[test]
    fn the_first_of_a_group_is_told_at_once_and_the_others_with_the_next_line_an_hour_later() {
        let mut notices = Notices::default();
        let sure = cut(Certainty::Sure);
        let mut told = |finding: &Finding, seconds| {
            let notice = notices.note(finding, REQUEST, at(seconds));
            notice.map(|notice| (notice.level, notice.text))
        };
        let line = "00ff phi4 context_cut sure cause=middle client=\"curl\" context_length=4096 \
                    seconds_lost=1.50";
        assert_eq!(told(&sure, 0), Some((Level::Warn, line.to_owned())));
        assert_eq!(told(&sure, 1), None);
        assert_eq!(told(&sure, 3599), None);
        let likely = told(&cut(Certainty::Likely), 3599);
        assert_eq!(likely.map(|(level, _)| level), Some(Level::Info));
        let counted = format!("{line} count=3");
        assert_eq!(told(&sure, 3600), Some((Level::Warn, counted)));
        assert_eq!(told(&sure, 7199), None);
    }

    #[test]
    fn a_clock_that_was_set_back_silences_nothing() {
        let mut notices = Notices::default();
        let mut is_told = |seconds| {
            let notice = notices.note(&cut(Certainty::Sure), REQUEST, at(seconds));
            notice.is_some()
        };
        assert!(is_told(100_000));
        assert!(!is_told(99_999));
        assert!(is_told(0));
    }

    #[test]
    fn a_client_is_named_only_where_it_is_known() {
        for (client, known) in [
            ("curl/8.5.0", Some("curl")),
            ("OpenWebUI/0.6 at 192.0.2.7", Some("Open WebUI")),
            ("Curl", Some("curl")),
            ("curlew/1.0", None),
            ("my secret", None),
            ("", None),
        ] {
            assert_eq!(known_client(client), known, "{client}");
        }
        let evil = NoticedRequest {
            client: Some("evil/1.0"),
            ..REQUEST
        };
        let notice = Notices::default().note(&cut(Certainty::Sure), evil, at(0));
        assert!(!notice.unwrap().text.contains("evil"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut notices = Notices::default();
        for number in 0..3 * GROUPS_MAX {
            let mut finding = cut(Certainty::Sure);
            finding.fields.insert("number".to_owned(), json!(number));
            let model = format!("model{number}");
            let request = NoticedRequest {
                model: &model,
                ..REQUEST
            };
            assert!(notices.note(&finding, request, at(0)).is_some());
            assert!(notices.groups.len() <= GROUPS_MAX);
        }
    }
}
