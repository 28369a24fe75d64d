//! KEEP ALIVE: how long a request asks Ollama to keep its model loaded.

use std::time::Duration;

use serde_json::Value;

/// The units of Go's durations, in nanoseconds; the longer name first where one begins another.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// What a request says in `keep_alive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// No time at all unloads the model once it has answered.
    For(Duration),
    Forever,
}

impl KeepAlive {
    /// Reads the value as Ollama does: seconds, or a Go duration; negative is for ever. `None`
    /// where it is neither.
    pub fn read(value: &Value) -> Option<KeepAlive> {
        let seconds = match value {
            Value::Number(seconds) => seconds.as_f64()?,
            Value::String(text) => go_duration(text)?,
            _ => return None,
        };
        if seconds < 0.0 {
            return Some(KeepAlive::Forever);
        }
        // What no clock of ours can hold is as good as for ever.
        let length = Duration::try_from_secs_f64(seconds).ok();
        let length = length.filter(|length| *length < Duration::from_secs(100 * 365 * 86_400));
        Some(length.map_or(KeepAlive::Forever, KeepAlive::For))
    }

    pub fn unloads(self) -> bool {
        self == KeepAlive::For(Duration::ZERO)
    }
}

/// The seconds of a Go duration, as `1h30m` and `-1.5s`; 0 alone needs no unit.
fn go_duration(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut nanoseconds = 0.0;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, factor) = UNITS.iter().find(|(unit, _)| is_unit(rest, unit))?;
        nanoseconds += number * factor;
        rest = &rest[unit.len()..];
        if rest.is_empty() {
            return Some(sign * nanoseconds / 1e9);
        }
    }
}

/// Whether `text` begins with this unit, and not with a longer one.
fn is_unit(text: &str, unit: &str) -> bool {
    let after = text.strip_prefix(unit).map(|rest| rest.chars().next());
    after.is_some_and(|next| next.is_none_or(|next| next.is_ascii_digit() || next == '.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keep_alive_is_read_as_ollama_reads_it() {
        let seconds = |seconds: f64| Some(KeepAlive::For(Duration::from_secs_f64(seconds)));
        for (value, read) in [
            (json!(300), seconds(300.0)),
            (json!(0), seconds(0.0)),
            (json!(-1), Some(KeepAlive::Forever)),
            (json!("5m"), seconds(300.0)),
            (json!("1h30m"), seconds(5400.0)),
            (json!("1.5s"), seconds(1.5)),
            (json!("250ms"), seconds(0.25)),
            (json!("0"), seconds(0.0)),
            (json!("-1s"), Some(KeepAlive::Forever)),
            (json!(1e300), Some(KeepAlive::Forever)),
            (json!("300"), None),
            (json!("5 m"), None),
            (json!("m"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
        ] {
            assert_eq!(KeepAlive::read(&value), read, "{value}");
        }
        assert!(KeepAlive::read(&json!("0s")).is_some_and(KeepAlive::unloads));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9.smhunµ ]{0,12}|\\PC{0,8}") {
            KeepAlive::read(&json!(text));
        }
    }
}
