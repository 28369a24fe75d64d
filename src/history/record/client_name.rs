//! The name under which a client is told, made of a record's metadata.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;

/// The longest name that a client may give itself, in characters.
const MAX_CLIENT_NAME: usize = 60;

/// The fields of a record's `metadata` about its client.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow)]
    client_ip: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_agent: Option<Cow<'a, str>>,
}

/// Returns the name of the client in `metadata`, which is JSON; `None` if it holds neither a user
/// agent nor an address of another machine, as in a history taken over from elsewhere.
pub fn from_metadata(metadata: &str) -> Option<Cow<'_, str>> {
    let Metadata {
        client_ip,
        user_agent,
    } = serde_json::from_str(metadata).unwrap_or_default();
    from_parts(client_ip, user_agent)
}

/// Returns the name of a client with this address and this user agent.
fn from_parts<'a>(
    client_ip: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
) -> Option<Cow<'a, str>> {
    let product_name = user_agent.and_then(product);
    let address = client_ip.filter(|ip| {
        !ip.parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
    });
    match (product_name, address) {
        (Some(product_name), Some(address)) => Some(format!("{product_name} at {address}").into()),
        (product_name, address) => product_name.or(address),
    }
}

/// Returns the first word of a user agent, which is `ollama-python/0.6.3` and the like; the rest
/// tells the system.
fn product(agent: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let word = match agent {
        Cow::Borrowed(text) => Cow::Borrowed(first_word(text)),
        Cow::Owned(text) => Cow::Owned(first_word(&text).to_owned()),
    };
    Some(word).filter(|word| !word.is_empty())
}

fn first_word(text: &str) -> &str {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.char_indices()
        .nth(MAX_CLIENT_NAME)
        .map_or(word, |(end, _)| &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_product_and_by_its_address_where_it_is_another_machine() {
        for (metadata, name) in [
            (
                r#"{"client_ip":"127.0.0.1","user_agent":"ollama-python/0.6.3 (x86_64 linux) Python/3.12"}"#,
                Some("ollama-python/0.6.3"),
            ),
            (
                r#"{"client_ip":"::1","user_agent":" curl/8.5.0","queue_wait_seconds":0.1}"#,
                Some("curl/8.5.0"),
            ),
            (
                r#"{"client_ip":"10.0.0.7","user_agent":"a\tb"}"#,
                Some("a at 10.0.0.7"),
            ),
            (
                r#"{"client_ip":"10.0.0.7","user_agent":null}"#,
                Some("10.0.0.7"),
            ),
            (r#"{"client_ip":"::ffff:127.0.0.1"}"#, None),
            (r#"{"client_ip":7,"user_agent":"x"}"#, None),
            (r#""text""#, None),
            ("no JSON", None),
        ] {
            assert_eq!(from_metadata(metadata).as_deref(), name, "{metadata}");
        }
        let long = format!(r#"{{"user_agent":"{}"}}"#, "é".repeat(99));
        assert_eq!(
            from_metadata(&long).map(|name| name.chars().count()),
            Some(MAX_CLIENT_NAME)
        );
    }
}
