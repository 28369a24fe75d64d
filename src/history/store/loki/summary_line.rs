//! Summaries as short lines, which Loki makes of the facts, so that statistics of many records are
//! few and small responses.
//!
//! Names are escaped as in a URL, so that no text is taken for a separator. Loki replaces invalid
//! characters with a space: lines of facts that have one come unchanged.

use std::borrow::Cow;

use super::entry;
use super::logql;
use super::push::Part;
use super::quoting::quoted;
use crate::history::record::{RecordSummary, SHORT_DIGEST_CHARS, SecondsSpent};
use crate::history::store::Query;
use crate::observe::model_name::normalize_cow;

/// The path of each field of a short line in a record.
const NAMES: [&str; 13] = [
    "interaction_id",
    "model",
    "endpoint",
    "prompt_category",
    "status",
    "host",
    "ollama_version",
    "digest",
    "quantization",
    "reload_cause",
    ERROR,
    "client",
    "metadata.client_ip",
];
const NUMBERS: [&str; 14] = [
    "timestamp",
    "tap",
    "prompt_tokens",
    "generated_tokens",
    "tokens_per_second",
    "duration_seconds",
    "time_to_first_token_seconds",
    "prompt_cached_tokens",
    "vram_share",
    "load_duration_seconds",
    "time_spent.queue",
    "time_spent.load",
    "time_spent.prompt",
    "time_spent.generation",
];

/// The field of which statistics need the beginning alone, and its characters there.
const ERROR: &str = "error";
const ERROR_CHARS: usize = 200;

/// The format of stored records: facts and text, or as version 0.1.0 wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFormat {
    Current,
    Legacy,
}

impl RecordFormat {
    pub const ALL: [RecordFormat; 2] = [RecordFormat::Current, RecordFormat::Legacy];

    /// Selects the streams whose entries are counted.
    pub fn selector(self) -> String {
        match self {
            RecordFormat::Current => logql::part(Part::Facts),
            RecordFormat::Legacy => logql::legacy(),
        }
    }
}

/// Queries the records that may match, texts aside, as short lines.
pub fn query(format: RecordFormat, query: &Query) -> String {
    let (mut fields, mut template) = (Vec::new(), Vec::new());
    for (n, path) in NAMES.into_iter().chain(NUMBERS).enumerate() {
        fields.push(format!("field_{n}={}", quoted(path)));
        template.push(match path {
            "digest" => beginning(n, SHORT_DIGEST_CHARS),
            ERROR => beginning(n, ERROR_CHARS),
            _ if n < NAMES.len() => format!("{{{{ urlencode .field_{n} }}}}"),
            _ => format!("{{{{ .field_{n} }}}}"),
        });
    }
    let short = template.join(" ");
    let template = match format {
        RecordFormat::Current => format!(
            "{{{{ if contains \"{}\" __line__ }}}}{{{{ __line__ }}}}{{{{ else }}}}{short}{{{{ end }}}}",
            char::REPLACEMENT_CHARACTER
        ),
        // A whole line would bring the texts.
        RecordFormat::Legacy => short,
    };
    let found = format.selector() + &logql::filters(query);
    format!(
        "{found} | json {} | line_format {} | keep job",
        fields.join(", "),
        quoted(&template)
    )
}

/// Returns the template of the first characters of a field.
fn beginning(field: usize, chars: usize) -> String {
    format!("{{{{ printf \"%.{chars}s\" .field_{field} | urlencode }}}}")
}

/// Parses a line and passes its summary to `visit`; ignores a line that is not one of ours.
pub fn parse(line: &str, visit: impl FnOnce(&RecordSummary)) {
    if line.starts_with('{') {
        if let (Some(_), Ok(summary)) = (entry::key(line), serde_json::from_str(line)) {
            visit(&summary);
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
        version,
        digest,
        quantization,
        reload_cause,
        error,
        client,
        ip,
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
        vram_share,
        load,
        spent @ ..,
    ] = numbers;
    let Some(timestamp) = time.parse().ok().filter(|time| entry::is_ours(id, *time)) else {
        return;
    };
    visit(&RecordSummary {
        interaction_id: unescape(id),
        timestamp,
        model: non_empty(model).map(normalize_cow),
        endpoint: unescape(endpoint),
        prompt_category: unescape(prompt_category),
        status: unescape(status),
        prompt_tokens: prompt_tokens.parse().ok(),
        generated_tokens: generated_tokens.parse().ok(),
        tokens_per_second: speed.parse().ok(),
        duration_seconds: duration.parse().ok(),
        time_to_first_token_seconds: first_token.parse().ok(),
        prompt_cached_tokens: cached.parse().ok(),
        load_duration_seconds: load.parse().ok(),
        prompt_eval_duration_seconds: None,
        eval_duration_seconds: None,
        time_spent: time_spent(spent, duration),
        reload_cause: non_empty(reload_cause),
        error: non_empty(error),
        client: non_empty(client),
        client_ip: non_empty(ip),
        host: non_empty(host),
        tap: tap.parse().ok(),
        vram_share: vram_share.parse().ok(),
        ollama_version: non_empty(version),
        digest: non_empty(digest),
        quantization: non_empty(quantization),
    });
}

/// Returns what the time went into; `None` where a record does not tell.
fn time_spent(parts: [&str; 4], duration: &str) -> Option<SecondsSpent> {
    let [queue, load, prompt, generation] = parts.map(str::parse);
    let told = SecondsSpent {
        queue: queue.ok()?,
        load: load.ok()?,
        prompt: prompt.ok()?,
        generation: generation.ok()?,
        other: 0.0,
    };
    Some(told.with_rest_of(duration.parse().unwrap_or_default()))
}

fn non_empty(escaped: &str) -> Option<Cow<'_, str>> {
    Some(unescape(escaped)).filter(|text| !text.is_empty())
}

/// Reverses Go's `url.QueryEscape`.
fn unescape(escaped: &str) -> Cow<'_, str> {
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

    /// Escapes as Go's `url.QueryEscape` does.
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

    fn line(names: [&str; NAMES.len()], numbers: [&str; NUMBERS.len()]) -> String {
        names
            .map(escaped)
            .into_iter()
            .chain(numbers.map(str::to_owned))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The names of a record that has this id, and no other.
    fn names(id: &str) -> [&str; NAMES.len()] {
        let mut names = [""; NAMES.len()];
        names[0] = id;
        names
    }

    /// The numbers of a record of which the time is known alone.
    fn numbers(time: &str) -> [&str; NUMBERS.len()] {
        let mut numbers = [""; NUMBERS.len()];
        numbers[0] = time;
        numbers
    }

    #[test]
    fn a_line_without_values_has_the_time_alone() {
        let line = line(names("00ff"), numbers("1.5"));
        let mut seen = 0;
        parse(&line, |summary| {
            seen += 1;
            assert_eq!(
                (
                    summary.timestamp,
                    &summary.model,
                    &summary.client,
                    &summary.host,
                    summary.tap
                ),
                (1.5, &None, &None, &None, None)
            );
            assert_eq!(
                (summary.prompt_tokens, summary.duration_seconds),
                (None, None)
            );
        });
        assert_eq!(seen, 1);
    }

    #[test]
    fn what_is_no_record_is_passed_over() {
        let foreign = [
            line(names(""), numbers("1")),
            line(["a"; NAMES.len()], ["x"; NUMBERS.len()]),
            line(["a"; NAMES.len()], ["0"; NUMBERS.len()]),
        ];
        for line in foreign.iter().map(String::as_str).chain([
            "",
            "unescape text",
            "{",
            "{}",
            "1 2 3",
            r#"{"timestamp":1}"#,
        ]) {
            parse(line, |summary| panic!("{line}: {summary:?}"));
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(host in ".+", agent in "[^\\s]{1,60}", tokens in any::<u32>(), duration in 0.0f64..1e6) {
            let (tokens, time) = (tokens.to_string(), duration.to_string());
            let names = ["a", "M:latest", "api/chat", "other", "error", &host, "0.34.0-rc 1", "00ff", "Q4_K_M", "room", &host, &agent, "10.0.0.7"];
            let line = line(names, ["1", "7", &tokens, "", "", &time, "", "", "0.5", "2.5", "0.25", "0", "0", "0"]);
            let mut seen = 0;
            parse(&line, |summary| {
                seen += 1;
                assert_eq!((summary.host.as_deref(), summary.model.as_deref(), summary.tap), (Some(host.as_str()), Some("m"), Some(7)));
                assert_eq!((summary.ollama_version.as_deref(), summary.digest.as_deref(), summary.quantization.as_deref()), (Some("0.34.0-rc 1"), Some("00ff"), Some("Q4_K_M")));
                assert_eq!(summary.vram_share, Some(0.5));
                assert_eq!((summary.client.as_deref(), summary.client_ip.as_deref()), (Some(agent.as_str()), Some("10.0.0.7")));
                assert_eq!((summary.error.as_deref(), summary.cold_start()), (Some(host.as_str()), Some("room")));
                assert_eq!((summary.seconds_spent().queue, summary.load_duration_seconds), (0.25, Some(2.5)));
                assert_eq!((summary.prompt_tokens, summary.duration_seconds), (tokens.parse().ok(), Some(duration)));
            });
            prop_assert_eq!(seen, 1);
        }

        #[test]
        fn no_line_is_too_much(line in ".*") {
            parse(&line, |summary| assert!(summary.timestamp > 0.0));
        }
    }
}
