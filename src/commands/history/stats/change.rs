//! How a span differs from the one before it.

use super::super::format::pluralize;
use crate::history::store::Group;
use crate::util::numbers::thousands;

/// What changed against as many hours before.
pub fn told(hours: &str, all: &Group, before: &Group) -> String {
    let hours = format!("compared with the {hours} before");
    if before.requests == 0 {
        return format!("{hours}: no requests then");
    }
    let changes = [
        change("requests", all.requests, before.requests),
        change("tokens in", all.prompt_tokens, before.prompt_tokens),
        change("tokens out", all.generated_tokens, before.generated_tokens),
    ];
    let changes: Vec<String> = changes.into_iter().flatten().collect();
    let failed = match (all.error, before.error) {
        (0, 0) => String::new(),
        (_, before) => format!(", {} failed then", pluralize(before, "request")),
    };
    format!("{hours}: {}{failed}", changes.join(", "))
}

/// `None` where there was nothing to compare with.
fn change(name: &str, now: u64, before: u64) -> Option<String> {
    if before == 0 {
        return None;
    }
    let percent = (now as f64 / before as f64 - 1.0) * 100.0;
    let sign = if percent.round() < 0.0 { '-' } else { '+' };
    Some(format!(
        "{name} {sign}{}%",
        thousands(percent.abs().round() as u64)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_compared_in_per_cent() {
        let before = Group {
            requests: 100,
            prompt_tokens: 300,
            error: 2,
            ..Group::default()
        };
        let now = Group {
            requests: 123,
            prompt_tokens: 200,
            generated_tokens: 5,
            ..Group::default()
        };
        assert_eq!(
            told("24 hours", &now, &before),
            "compared with the 24 hours before: requests +23%, tokens in -33%, 2 requests failed then"
        );
        let nothing = Group::default();
        assert_eq!(
            told("hour", &now, &nothing),
            "compared with the hour before: no requests then"
        );
        assert_eq!(change("x", 2_000, 100).as_deref(), Some("x +1,900%"));
        assert_eq!(change("x", 1000, 1001).as_deref(), Some("x +0%"));
    }
}
