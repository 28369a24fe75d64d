//! Reading records: facts, and the texts that belong to them where they are wanted; beside them records as version 0.1.0 wrote them.
//!
//! Facts say how long their texts are, so that texts are asked for in pieces that Loki gives. Where a text is searched for, texts are
//! looked through on Loki's side, and say whose facts to read.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use super::answer::Labels;
use super::entry::{self, Mark};
use super::pages::{Entry, PAGE, Reader};
use super::push::Part;
use super::time::{self, Order, Span};
use super::{Loki, logql, search};
use crate::history::record::Record;
use crate::history::store::{Detail, Query, Result};

/// Entries of a first page of facts that is read to its end: with lines as long as they may be they are a page.
pub const FACTS_FIRST: usize = PAGE / entry::FACTS_MAX;

/// Entries of a first page of old records with their texts: they may have 256 KB each.
const OLD_FIRST: usize = 4;

/// Ids that one question is for: an address has no room for many more.
const IDS_MAX: usize = 100;

/// Records of which texts are asked for at once, at most.
const GROUP_MAX: usize = 500;

/// Every record of ours in order.
struct Ours<'a> {
    loki: &'a Loki,
    query: &'a Query,
    detail: Detail,
    order: Order,
    source: Source<'a>,
    ready: VecDeque<Record>,
}

/// Where facts come from.
enum Source<'a> {
    All(Reader<'a>),
    /// From the ids that a search for texts finds.
    Found {
        ids: Reader<'a>,
        facts: VecDeque<Entry>,
    },
}

impl Loki {
    /// Shows what `query` means of `span`, in order, until `visit` has enough; some `wanted` records are enough, as far as is known.
    pub(super) fn read(
        &self,
        query: &Query,
        detail: Detail,
        (span, order): (Span, Order),
        wanted: usize,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let (reach, now) = (self.reach()?, self.now());
        let detail = self.needed(query, detail);
        let mut ours = Ours::new(self, query, detail, (reach.ours(span, now), order), wanted);
        let mut old = self.old(query, detail, (reach.old(span, now), order), wanted);
        let mut next_old = || -> Result<Option<Record>> {
            while let Some(entry) = old.next()? {
                if let Some(record) = entry::read(&entry.line) {
                    return Ok(Some(record));
                }
            }
            Ok(None)
        };
        let (mut our, mut older) = (ours.next()?, next_old()?);
        loop {
            let is_ours_first = match (&our, &older) {
                (None, None) => return Ok(()),
                (Some(our), Some(old)) if order == Order::OldestFirst => {
                    our.position() <= old.position()
                }
                (Some(our), Some(old)) => our.position() >= old.position(),
                (our, _) => our.is_some(),
            };
            let first = if is_ours_first { &mut our } else { &mut older };
            if let Some(record) = first.take()
                && visit(record).is_break()
            {
                return Ok(());
            }
            *first = if is_ours_first {
                ours.next()?
            } else {
                next_old()?
            };
        }
    }

    /// What has to be read to say whether a record is meant.
    pub(super) fn needed(&self, query: &Query, detail: Detail) -> Detail {
        let is_decided = query.prompt_search.as_ref().is_none_or(search::is_decided);
        if is_decided { detail } else { Detail::Whole }
    }

    /// Facts, of which the last answers are remembered.
    pub(super) fn facts(
        &self,
        query: String,
        (span, order): (Span, Order),
        first: usize,
    ) -> Reader<'_> {
        let edge = time::edge(self.now());
        let ask = move |span, order, limit| self.remembered(&query, span, order, edge, limit);
        Reader::new(span, order, edge, first, &self.limits, Box::new(ask))
    }

    /// Lines as they are.
    pub(super) fn lines(
        &self,
        query: String,
        (span, order): (Span, Order),
        first: usize,
    ) -> Reader<'_> {
        let ask = move |span, order, limit| {
            self.client
                .lines(&query, span, order, limit, &|_, line| line)
        };
        Reader::new(
            span,
            order,
            time::edge(self.now()),
            first,
            &self.limits,
            Box::new(ask),
        )
    }

    fn old(&self, query: &Query, detail: Detail, when: (Span, Order), wanted: usize) -> Reader<'_> {
        if detail == Detail::Brief && query.prompt_search.is_none() {
            return self.old_facts(query, when, wanted);
        }
        self.lines(logql::old_records(query), when, OLD_FIRST)
    }

    /// Old records without their texts, which stay where they are.
    pub(super) fn old_facts(
        &self,
        query: &Query,
        (span, order): (Span, Order),
        first: usize,
    ) -> Reader<'_> {
        let query = logql::old_without_texts(query);
        let line =
            |labels: &Labels, _| logql::old_facts(|name| labels.get(name).map(String::as_str));
        let ask = move |span, order, limit| self.client.lines(&query, span, order, limit, &line);
        Reader::new(
            span,
            order,
            time::edge(self.now()),
            first,
            &self.limits,
            Box::new(ask),
        )
    }
}

impl<'a> Ours<'a> {
    fn new(
        loki: &'a Loki,
        query: &'a Query,
        detail: Detail,
        when: (Span, Order),
        wanted: usize,
    ) -> Ours<'a> {
        let source = match query.prompt_search {
            None => Source::All(loki.facts(logql::facts(query), when, wanted)),
            Some(_) => Source::Found {
                ids: loki.lines(logql::ids(query), when, wanted),
                facts: VecDeque::new(),
            },
        };
        Ours {
            loki,
            query,
            detail,
            order: when.1,
            source,
            ready: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Result<Option<Record>> {
        while self.ready.is_empty() {
            let group = self.group()?;
            if group.is_empty() {
                return Ok(None);
            }
            self.ready = match self.detail {
                Detail::Brief => group
                    .into_iter()
                    .map(|(entry, _)| entry)
                    .filter_map(|entry| entry::read(&entry.line))
                    .collect(),
                Detail::Whole => self.with_texts(group)?,
            };
        }
        Ok(self.ready.pop_front())
    }

    /// The next facts, up to those whose texts together are a page, and no more than are here already.
    fn group(&mut self) -> Result<Vec<(Entry, Mark)>> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.is_empty() || (self.has_next() && group.len() < GROUP_MAX && bytes < PAGE) {
            let Some(entry) = self.next_facts()? else {
                break;
            };
            let is_meant = entry::read(&entry.line)
                .is_some_and(|record| self.query.matches_summary(&record.summary()));
            if let Some(mark) = entry::mark(&entry.line).filter(|_| is_meant) {
                bytes += mark.text_bytes;
                group.push((entry, mark));
            }
        }
        Ok(group)
    }

    fn has_next(&self) -> bool {
        match &self.source {
            Source::All(facts) => facts.has_next(),
            Source::Found { facts, .. } => !facts.is_empty(),
        }
    }

    fn next_facts(&mut self) -> Result<Option<Entry>> {
        let (loki, order) = (self.loki, self.order);
        match &mut self.source {
            Source::All(reader) => reader.next(),
            Source::Found { ids, facts } => {
                while facts.is_empty() {
                    let Some((span, found)) = next_ids(ids)? else {
                        return Ok(None);
                    };
                    let mut reader = loki.facts(
                        logql::with_ids(Part::Facts, &found),
                        (span, order),
                        found.len() + 1,
                    );
                    while let Some(entry) = reader.next()? {
                        facts.push_back(entry);
                    }
                }
                Ok(facts.pop_front())
            }
        }
    }

    /// The records whose facts these are.
    fn with_texts(&self, group: Vec<(Entry, Mark)>) -> Result<VecDeque<Record>> {
        let times = || group.iter().map(|(entry, _)| entry.time);
        let span = Span {
            start: times().min().unwrap_or(0),
            end: times().max().unwrap_or(0).saturating_add(1),
        };
        let mut reader = self.loki.lines(
            logql::texts(self.query),
            (span, self.order),
            group.len() + 1,
        );
        let mut texts = HashMap::new();
        while let Some(entry) = reader.next()? {
            let id = entry::id(&entry.line).unwrap_or_default();
            if group.iter().any(|(_, mark)| mark.interaction_id == id) {
                texts.insert(id, entry.line);
            }
        }
        let joined = |(entry, mark): (Entry, Mark)| {
            entry::joined(&entry.line, texts.remove(&mark.interaction_id).as_deref())
        };
        Ok(group.into_iter().filter_map(joined).collect())
    }
}

/// The next ids of a search, and when they lie.
fn next_ids(ids: &mut Reader) -> Result<Option<(Span, Vec<String>)>> {
    let mut found = Vec::new();
    let mut span: Option<Span> = None;
    while found.is_empty() || (ids.has_next() && found.len() < IDS_MAX) {
        let Some(Entry { time, line }) = ids.next()? else {
            break;
        };
        let known = span.unwrap_or(Span {
            start: time,
            end: time.saturating_add(1),
        });
        span = Some(Span {
            start: known.start.min(time),
            end: known.end.max(time.saturating_add(1)),
        });
        found.push(line);
    }
    Ok(span.map(|span| (span, found)))
}
