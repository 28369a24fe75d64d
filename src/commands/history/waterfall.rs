//! The waterfall of one request as text: what its time went into, part by part, each with a bar from its beginning to its end.

use crate::history::record::{Record, SecondsSpent};

/// The columns of the whole duration, at least and at most.
const BAR_MIN: usize = 10;
const BAR_MAX: usize = 60;

/// The columns of a part's name.
const NAME_WIDTH: usize = 10;

/// Stands between name, bar and seconds.
const GAP: &str = "  ";

/// Returns the parts of its time in their order, and the whole: a line each, of at most `width`
/// characters where that leaves room for a bar; without a width, of the longest bars.
pub fn waterfall(record: &Record, width: Option<usize>) -> Vec<String> {
    let whole = record.duration_seconds;
    let decimals = match whole {
        Some(whole) if whole < 1.0 => 3,
        _ => 2,
    };
    let number = |seconds: f64| format!("{seconds:.decimals$} s");
    let parts = parts(record);
    let numbers = parts.iter().map(|(_, seconds)| *seconds).chain(whole);
    let number_width = numbers.map(|seconds| number(seconds).len()).max();
    let number_width = number_width.unwrap_or_default();
    let taken = NAME_WIDTH + number_width + 2 * GAP.len();
    let room = width.map_or(BAR_MAX, |width| width.saturating_sub(taken));
    let bar_width = room.clamp(BAR_MIN, BAR_MAX);
    let line = |name: &str, bar: &str, number: &str| {
        format!("{name:NAME_WIDTH$}{GAP}{bar:bar_width$}{GAP}{number:>number_width$}")
    };
    let mut start = 0.0;
    let mut lines = Vec::new();
    for (name, seconds) in parts {
        let bar = bar(start, seconds, whole.unwrap_or_default(), bar_width);
        lines.push(line(name, &bar, &number(seconds)));
        start += seconds;
    }
    lines.push(line("in all", "", &whole.map_or("-".to_owned(), number)));
    lines
}

/// When a part began and ended, drawn in the width of all; something is drawn of the shortest.
fn bar(start: f64, seconds: f64, whole: f64, width: usize) -> String {
    let column = |time: f64| (time / whole.max(f64::EPSILON) * width as f64).round() as usize;
    if seconds <= 0.0 {
        return String::new();
    }
    let from = column(start).min(width - 1);
    let to = column(start + seconds).clamp(from + 1, width);
    format!("{}{}", " ".repeat(from), "=".repeat(to - from))
}

/// What was found when it ended, or what Ollama told; where nobody told anything, all is other time.
fn parts(record: &Record) -> Vec<(&'static str, f64)> {
    let Some(spent) = record.time_spent.or_else(|| told(record)) else {
        return vec![("other", at_least_0(record.duration_seconds))];
    };
    vec![
        ("queue", spent.queue),
        ("load", spent.load),
        ("prompt", spent.prompt),
        ("generation", spent.generation),
        ("other", spent.other),
    ]
}

/// Of an older record, where Ollama told its durations: what they leave of its own time is its queue.
fn told(record: &Record) -> Option<SecondsSpent> {
    let total = record.total_duration_seconds?;
    let load = at_least_0(record.load_duration_seconds);
    let prompt = at_least_0(record.prompt_eval_duration_seconds);
    let generation = at_least_0(record.eval_duration_seconds);
    let in_tap = at_least_0(record.metadata["queue_wait_seconds"].as_f64());
    let told = SecondsSpent {
        queue: in_tap + (total - load - prompt - generation).max(0.0),
        load,
        prompt,
        generation,
        other: 0.0,
    };
    Some(told.with_rest_of(at_least_0(record.duration_seconds)))
}

fn at_least_0(seconds: Option<f64>) -> f64 {
    seconds.unwrap_or_default().max(0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_ollama_did_not_account_for_is_its_queue_and_the_rest_is_other_time() {
        let record = Record {
            metadata: json!({"queue_wait_seconds": 0.5}),
            duration_seconds: Some(12.0),
            total_duration_seconds: Some(11.0),
            load_duration_seconds: Some(4.0),
            prompt_eval_duration_seconds: Some(1.0),
            eval_duration_seconds: Some(3.0),
            ..Record::default()
        };
        let expected = [
            ("queue", 3.5),
            ("load", 4.0),
            ("prompt", 1.0),
            ("generation", 3.0),
            ("other", 0.5),
        ];
        assert_eq!(parts(&record), expected);
        let bars = waterfall(&record, Some(61)).join("\n");
        let generation = format!("generation  {}{}", " ".repeat(28), "=".repeat(10));
        assert!(bars.contains(&generation), "{bars}");
        let untold = Record {
            total_duration_seconds: None,
            ..record
        };
        assert_eq!(parts(&untold), [("other", 12.0)]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_every_part_has_a_bar() {
        let record = Record {
            duration_seconds: Some(12_345.678),
            time_spent: Some(SecondsSpent {
                queue: 0.001,
                load: 345.0,
                prompt: 0.002,
                generation: 11_000.0,
                other: 1000.0,
            }),
            ..Record::default()
        };
        for width in 40..200 {
            let lines = waterfall(&record, Some(width));
            assert!(lines.iter().all(|line| line.len() <= width), "{lines:?}");
            let bars = lines.iter().filter(|line| line.contains('='));
            assert_eq!(bars.count(), 5, "{lines:?}");
        }
    }
}
