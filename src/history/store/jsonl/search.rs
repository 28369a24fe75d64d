//! The visitors that look for records in lines, with as little parsing as possible.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::prefilter::Prefilter;
use super::scan::LineVisitor;
use crate::history::record::{Position, Record, RecordSummary};
use crate::history::store::query::{Best, Needle, Rank, Sort, UNKNOWN_NAME};
use crate::history::store::{Detail, Query};
use crate::observe::conversation::KeptMessage;

/// Matches lines against a query.
pub struct Filter<'a> {
    query: &'a Query,
    prefilters: Vec<Prefilter>,
}

/// The texts that `prompt_search` and `q` look at.
#[derive(Deserialize)]
struct Texts<'a> {
    #[serde(default, borrow)]
    prompt_full: Option<Text<'a>>,
    #[serde(default, borrow)]
    prompt_preview: Option<Text<'a>>,
    #[serde(default, borrow)]
    response_full: Option<Text<'a>>,
    #[serde(default, borrow)]
    response_preview: Option<Text<'a>>,
    #[serde(default, borrow)]
    thinking_full: Option<Text<'a>>,
    #[serde(default, borrow)]
    error: Option<Text<'a>>,
    #[serde(default, borrow)]
    system: Option<Text<'a>>,
    #[serde(default, borrow)]
    messages: Option<&'a RawValue>,
}

/// Serde borrows a string in an option only when it is wrapped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The result of matching a line against a query.
pub enum LineMatch<T> {
    Matching(T),
    NotMatching,
    Unreadable,
}

impl<'a> Filter<'a> {
    pub fn new(query: &'a Query) -> Filter<'a> {
        let text = |needle: &'a Option<Needle>| needle.as_ref().map(Needle::folded);
        // The name of a field that every finding has.
        let field = query.finding.map(|_| "certainty");
        let texts = [text(&query.prompt_search), text(&query.q), field]
            .into_iter()
            .flatten();
        let client = query
            .client
            .as_ref()
            .and_then(|client| client.name.as_deref());
        let exact = [
            query.session.as_deref(),
            client.filter(|name| *name != UNKNOWN_NAME),
        ];
        let exact = exact.into_iter().flatten();
        Filter {
            query,
            prefilters: texts
                .filter_map(Prefilter::of_text)
                .chain(exact.filter_map(Prefilter::of_exact))
                .collect(),
        }
    }

    /// Returns the record on this line, if it matches and `wins` by its summary.
    pub fn record(
        &self,
        line: &[u8],
        wins: impl FnOnce(&RecordSummary) -> bool,
    ) -> LineMatch<Record> {
        if !self.prefilters.iter().all(|one| one.may_match(line)) {
            return LineMatch::NotMatching;
        }
        let Ok(summary) = serde_json::from_slice::<RecordSummary>(line) else {
            return self.verdict(line);
        };
        if !self.query.matches_summary(&summary) || !wins(&summary) || !self.has_texts(line) {
            return LineMatch::NotMatching;
        }
        self.verdict(line)
    }

    /// Returns whether a line has the texts that are looked for.
    fn has_texts(&self, line: &[u8]) -> bool {
        if !self.query.has_text() {
            return true;
        }
        let Ok(texts) = serde_json::from_slice::<Texts>(line) else {
            return true; // what is not as we write it is read as a whole
        };
        let has = |needle: &Option<Needle>, texts: &[&Option<Text>]| {
            let is_in = |needle: &Needle| {
                let mut texts = texts.iter().filter_map(|text| text.as_ref());
                texts.any(|text| needle.is_in(Some(&text.0)))
            };
            needle.as_ref().is_none_or(is_in)
        };
        let prompt = texts.prompt_full.or(texts.prompt_preview);
        let reply = texts.response_full.or(texts.response_preview);
        let (thinking, error) = (&texts.thinking_full, &texts.error);
        let all = [&prompt, &reply, thinking, error, &texts.system];
        has(&self.query.prompt_search, &[&prompt])
            && (has(&self.query.q, &all) || self.is_in_messages(texts.messages))
    }

    fn is_in_messages(&self, messages: Option<&RawValue>) -> bool {
        let Some((messages, needle)) = messages.zip(self.query.q.as_ref()) else {
            return false;
        };
        let Ok(messages) = serde_json::from_str::<Option<Vec<KeptMessage>>>(messages.get()) else {
            return true; // as above
        };
        let mut texts = messages.iter().flatten().flat_map(KeptMessage::texts);
        texts.any(|text| needle.is_in(Some(text)))
    }

    fn verdict(&self, line: &[u8]) -> LineMatch<Record> {
        match Record::read(line) {
            Some(record) if self.query.matches(&record) => LineMatch::Matching(record),
            Some(_) => LineMatch::NotMatching,
            None => LineMatch::Unreadable,
        }
    }
}

/// The most bytes of lines whose records are held at a time; of further hits only the positions
/// are.
pub const HELD_BYTES_MAX: usize = 8 << 20;

/// A record that was found.
pub struct Hit {
    pub position: Position,
    /// The length of its line, as far as its record holds the line.
    pub bytes: usize,
    /// `None` where it was too long to be held.
    pub record: Option<Record>,
}

impl Hit {
    /// Makes one that is yet to be read.
    pub fn at(position: Position) -> Hit {
        Hit {
            position,
            bytes: 0,
            record: None,
        }
    }
}

/// Finds the records that come first in the list of a query.
pub struct Newest<'a> {
    filter: Filter<'a>,
    detail: Detail,
    best: Best<Hit>,
}

impl<'a> Newest<'a> {
    pub fn new(query: &'a Query, detail: Detail, before: Option<Rank>) -> Newest<'a> {
        Newest {
            filter: Filter::new(query),
            detail,
            best: Best::new(query.limit, before),
        }
    }

    fn sort(&self) -> Sort {
        self.filter.query.sort
    }

    fn insert(&mut self, line: &[u8], rank: Rank, record: Record) {
        let position = record.position();
        let bytes = if self.detail == Detail::Whole {
            line.len()
        } else {
            0
        };
        let found = Hit {
            position,
            bytes,
            record: Some(self.detail.of(record)),
        };
        self.best.insert(rank, found);
        let mut room = HELD_BYTES_MAX;
        for found in self.best.iter_mut() {
            match room.checked_sub(found.bytes) {
                Some(left) => room = left,
                None => found.record = None,
            }
        }
    }

    /// Returns the hits in the order of the list.
    pub fn into_hits(self) -> Vec<Hit> {
        self.best.into_ranked().map(|(_, hit)| hit).collect()
    }
}

impl LineVisitor for Newest<'_> {
    fn wants(&self, first: f64, last: f64) -> bool {
        if !self.filter.query.overlaps(first, last) {
            return false;
        }
        match (self.sort(), self.best.before()) {
            (Sort::Time, Some(before)) if first > before => false,
            (Sort::Time, before) => {
                let until = before.map_or(last, |before| last.min(before));
                self.best.may_have(0.0, until)
            }
            (Sort::Duration | Sort::Tokens, _) => true,
        }
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        let sort = self.sort();
        let wins =
            |summary: &RecordSummary| self.best.may_have(sort.number(summary), summary.timestamp);
        match self.filter.record(line, wins) {
            LineMatch::Matching(record) => {
                let rank = Rank::of(sort, &record.summary());
                if self.best.follows(&rank) {
                    self.insert(line, rank, record);
                }
            }
            LineMatch::NotMatching => {}
            LineMatch::Unreadable => return None,
        }
        Some(())
    }
}

/// Visits all records that match a query.
pub struct EachRecord<'a> {
    filter: Filter<'a>,
    visit: &'a mut dyn FnMut(Record) -> ControlFlow<()>,
    is_over: bool,
}

impl<'a> EachRecord<'a> {
    pub fn new(
        query: &'a Query,
        visit: &'a mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> EachRecord<'a> {
        EachRecord {
            filter: Filter::new(query),
            visit,
            is_over: false,
        }
    }
}

impl LineVisitor for EachRecord<'_> {
    fn wants(&self, first: f64, last: f64) -> bool {
        !self.is_over && self.filter.query.overlaps(first, last)
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        if self.is_over {
            return Some(());
        }
        match self.filter.record(line, |_| true) {
            LineMatch::Matching(record) => self.is_over = (self.visit)(record).is_break(),
            LineMatch::NotMatching => {}
            LineMatch::Unreadable => return None,
        }
        Some(())
    }
}

/// Visits the summaries of all records that match a query.
pub struct EachSummary<'a> {
    pub query: &'a Query,
    pub visit: &'a mut dyn FnMut(&RecordSummary),
}

impl LineVisitor for EachSummary<'_> {
    fn wants(&self, first: f64, last: f64) -> bool {
        self.query.overlaps(first, last)
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        let mut visit = |summary: &RecordSummary| {
            if self.query.matches_summary(summary) {
                (self.visit)(summary);
            }
        };
        match serde_json::from_slice::<RecordSummary>(line) {
            Ok(summary) => visit(&summary),
            Err(_) => visit(&Record::read(line)?.summary()),
        }
        Some(())
    }
}
