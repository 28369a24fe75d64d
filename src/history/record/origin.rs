//! ORIGIN: the name under which statistics know a client, made of what a record says of it.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Characters of a name that a client gives itself.
const NAME_MAX: usize = 60;

/// What of a record's `metadata` says who asked.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow)]
    client_ip: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_agent: Option<Cow<'a, str>>,
}

/// The client that `metadata` (JSON) tells of; `None` where it tells nothing, as in a history taken over from elsewhere.
pub fn of_json(metadata: &str) -> Option<Cow<'_, str>> {
    let Metadata {
        client_ip,
        user_agent,
    } = serde_json::from_str(metadata).unwrap_or_default();
    of(client_ip, user_agent)
}

/// The same of what `metadata` says.
pub fn of<'a>(
    client_ip: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
) -> Option<Cow<'a, str>> {
    let own = user_agent.and_then(product);
    let far = client_ip.filter(|ip| {
        !ip.parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
    });
    match (own, far) {
        (Some(own), Some(far)) => Some(format!("{own} at {far}").into()),
        (own, far) => own.or(far),
    }
}

/// `of_json`, for a field that may hold any JSON.
pub fn of_field<'de: 'a, 'a, D: Deserializer<'de>>(
    field: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    <&'de RawValue>::deserialize(field).map(|metadata| of_json(metadata.get()))
}

/// The first word of a user agent, `ollama-python/0.6.3` in most; the rest says on what it runs.
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
        .nth(NAME_MAX)
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
            assert_eq!(of_json(metadata).as_deref(), name, "{metadata}");
        }
        let long = format!(r#"{{"user_agent":"{}"}}"#, "é".repeat(99));
        assert_eq!(
            of_json(&long).map(|name| name.chars().count()),
            Some(NAME_MAX)
        );
    }
}
