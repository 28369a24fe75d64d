//! NOTICES: which findings the log tells: the first of a group at once, then one line an hour with the count.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use log::Level;

use super::bounded::Bounded;
use super::groups::{GROUPS_MAX, key};
use super::{Certainty, Finding};

/// The shortest time between two lines about one group.
const INTERVAL: Duration = Duration::from_secs(3600);

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
    /// The name of its client where it is one of our own list, never what a client calls itself.
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
    if let Some(client) = client {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnose::Kind;

    const REQUEST: NoticedRequest<'static> = NoticedRequest {
        id: "00ff",
        model: "phi4",
        client: Some("curl"),
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
    fn a_line_holds_neither_the_sentence_nor_other_texts() {
        let unknown = NoticedRequest {
            client: None,
            ..REQUEST
        };
        let notice = Notices::default().note(&cut(Certainty::Sure), unknown, at(0));
        let text = notice.unwrap().text;
        for word in ["evil", "words", "client="] {
            assert!(!text.contains(word), "{text}");
        }
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
