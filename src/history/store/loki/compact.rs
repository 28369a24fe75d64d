//! COMPACT: facts as short lines, which Loki makes of what it keeps, so that statistics of many records are few and small answers.
//!
//! Names are escaped as in an address, so that no text is taken for a separator. Loki reads a character that is none as a space:
//! lines of facts that have one come as they are.

use std::borrow::Cow;

use super::entry;
use super::logql;
use super::push::Part;
use super::quoting::quoted;
use crate::history::record::RecordSummary;
use crate::history::record::client_name;
use crate::history::store::Query;
use crate::observe::model_name::normalize_cow;

/// Where each field of a short line stands in a record; the client is made of the last two names.
const NAMES: [&str; 8] = [
    "interaction_id",
    "model",
    "endpoint",
    "prompt_category",
    "status",
    "host",
    "metadata.client_ip",
    "metadata.user_agent",
];
const NUMBERS: [&str; 8] = [
    "timestamp",
    "tap",
    "prompt_tokens",
    "generated_tokens",
    "tokens_per_second",
    "duration_seconds",
    "time_to_first_token_seconds",
    "prompt_cached_tokens",
];

/// How records are kept: as facts and text, or as version 0.1.0 wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Old,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Ours, Kind::Old];

    /// The streams of what is counted.
    pub fn selector(self) -> String {
        match self {
            Kind::Ours => logql::part(Part::Facts),
            Kind::Old => logql::old(),
        }
    }
}

/// The facts that may be meant, the text aside, as short lines.
pub fn facts(kind: Kind, query: &Query) -> String {
    let (mut fields, mut template) = (Vec::new(), Vec::new());
    for (n, path) in NAMES.into_iter().chain(NUMBERS).enumerate() {
        fields.push(format!("field_{n}={}", quoted(path)));
        let escape = if n < NAMES.len() { "urlencode " } else { "" };
        template.push(format!("{{{{ {escape}.field_{n} }}}}"));
    }
    let short = template.join(" ");
    let template = match kind {
        Kind::Ours => format!(
            "{{{{ if contains \"{}\" __line__ }}}}{{{{ __line__ }}}}{{{{ else }}}}{short}{{{{ end }}}}",
            char::REPLACEMENT_CHARACTER
        ),
        // A whole line has texts.
        Kind::Old => short,
    };
    let found = kind.selector() + &logql::filters(query);
    format!(
        "{found} | json {} | line_format {} | keep job",
        fields.join(", "),
        quoted(&template)
    )
}

/// Shows the facts in a line; nothing where it is none of ours.
pub fn read(line: &str, see: impl FnOnce(&RecordSummary)) {
    if line.starts_with('{') {
        if let (Some(_), Ok(facts)) = (entry::mark(line), serde_json::from_str(line)) {
            see(&facts);
        }
        return;
    }
    let fields: Vec<&str> = line.split(' ').collect();
    let Ok(fields) = <[&str; NAMES.len() + NUMBERS.len()]>::try_from(fields) else {
        return;
    };
    let [
        id,
        model,
        endpoint,
        prompt_category,
        status,
        host,
        ip,
        agent,
        numbers @ ..,
    ] = fields;
    let [
        time,
        tap,
        prompt_tokens,
        generated_tokens,
        speed,
        duration,
        first_token,
        cached,
    ] = numbers;
    let Some(timestamp) = time.parse().ok().filter(|time| entry::is_ours(id, *time)) else {
        return;
    };
    see(&RecordSummary {
        timestamp,
        model: given(model).map(normalize_cow),
        endpoint: plain(endpoint),
        prompt_category: plain(prompt_category),
        status: plain(status),
        prompt_tokens: prompt_tokens.parse().ok(),
        generated_tokens: generated_tokens.parse().ok(),
        tokens_per_second: speed.parse().ok(),
        duration_seconds: duration.parse().ok(),
        time_to_first_token_seconds: first_token.parse().ok(),
        prompt_cached_tokens: cached.parse().ok(),
        client: client_name::from_parts(given(ip), given(agent)),
        host: given(host),
        tap: tap.parse().ok(),
    });
}

fn given(escaped: &str) -> Option<Cow<'_, str>> {
    Some(plain(escaped)).filter(|text| !text.is_empty())
}

/// A text as it was before Go's `url.QueryEscape`.
fn plain(escaped: &str) -> Cow<'_, str> {
    if !escaped.contains(['%', '+']) {
        return escaped.into();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(escaped.len()), escaped.bytes());
    while let Some(byte) = rest.next() {
        let mut digit = || {
            rest.next()
                .and_then(|digit| char::from(digit).to_digit(16))
                .unwrap_or_default() as u8
        };
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => digit() << 4 | digit(),
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Go's `url.QueryEscape` writes it.
    fn escaped(text: &str) -> String {
        let one = |byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(one).collect()
    }

    fn line(names: [&str; 8], numbers: [&str; 8]) -> String {
        names
            .map(escaped)
            .into_iter()
            .chain(numbers.map(str::to_owned))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_line_without_values_has_the_time_alone() {
        let line = line(
            ["00ff", "", "", "", "", "", "", ""],
            ["1.5", "", "", "", "", "", "", ""],
        );
        let mut seen = 0;
        read(&line, |facts| {
            seen += 1;
            assert_eq!(
                (
                    facts.timestamp,
                    &facts.model,
                    &facts.client,
                    &facts.host,
                    facts.tap
                ),
                (1.5, &None, &None, &None, None)
            );
            assert_eq!((facts.prompt_tokens, facts.duration_seconds), (None, None));
        });
        assert_eq!(seen, 1);
    }

    #[test]
    fn what_is_no_record_is_passed_over() {
        let foreign = [
            line(
                ["", "m", "", "", "", "", "", ""],
                ["1", "", "", "", "", "", "", ""],
            ),
            line(["a"; 8], ["x"; 8]),
            line(["a"; 8], ["0"; 8]),
        ];
        for line in foreign.iter().map(String::as_str).chain([
            "",
            "plain text",
            "{",
            "{}",
            "1 2 3",
            r#"{"timestamp":1}"#,
        ]) {
            read(line, |facts| panic!("{line}: {facts:?}"));
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(host in ".+", agent in "[^\\s]{1,60}", tokens in any::<u32>(), duration in 0.0f64..1e6) {
            let (tokens, time) = (tokens.to_string(), duration.to_string());
            let line = line(["a", "M:latest", "api/chat", "other", "error", &host, "10.0.0.7", &agent], ["1", "7", &tokens, "", "", &time, "", ""]);
            let mut seen = 0;
            read(&line, |facts| {
                seen += 1;
                assert_eq!((facts.host.as_deref(), facts.model.as_deref(), facts.tap), (Some(host.as_str()), Some("m"), Some(7)));
                assert_eq!(facts.client.as_deref(), Some(format!("{agent} at 10.0.0.7").as_str()));
                assert_eq!((facts.prompt_tokens, facts.duration_seconds), (tokens.parse().ok(), Some(duration)));
            });
            prop_assert_eq!(seen, 1);
        }

        #[test]
        fn no_line_is_too_much(line in ".*") {
            read(&line, |facts| assert!(facts.timestamp > 0.0));
        }
    }
}
