//! Reading records: facts, and their texts if required; beside them records of version 0.1.0.
//!
//! Facts have the lengths of their texts, so that texts are queried in pieces that Loki gives. A
//! search in texts runs in Loki, and returns the ids of the facts to read.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use super::entry::{self, EntryKey};
use super::pages::{Entry, FetchPage, PAGE_SIZE, PageReader};
use super::push::Part;
use super::response::Labels;
use super::time::{self, Order, Span};
use super::{Loki, logql, search};
use crate::history::record::Record;
use crate::history::store::{Detail, Query, Result};

/// Entries of a first page of facts that is read to its end: with lines as long as possible they
/// are one page.
pub const FIRST_PAGE_ENTRIES: usize = PAGE_SIZE / entry::FACTS_MAX;

/// Entries of a first page of records of version 0.1.0 with their texts: they may have 256 KB each.
const LEGACY_FIRST_PAGE_ENTRIES: usize = 4;

/// The most ids in one query: a URL has no room for many more.
pub const IDS_MAX: usize = 100;

/// The most records whose texts are queried at once.
const GROUP_MAX: usize = 500;

/// Reads records as facts and texts, in order.
struct RecordReader<'a> {
    loki: &'a Loki,
    query: &'a Query,
    detail: Detail,
    order: Order,
    source: SummarySource<'a>,
    ready: VecDeque<Record>,
}

/// The source of facts.
enum SummarySource<'a> {
    All(PageReader<'a>),
    /// From the ids that a search in texts finds.
    Found {
        ids: PageReader<'a>,
        /// The ids that were read last: each may come twice.
        last_ids: Vec<String>,
        summaries: VecDeque<Entry>,
    },
}

impl Loki {
    /// Visits the records of `span` that may match `query`, in order, until `visit` breaks;
    /// `wanted` is the expected number of them.
    pub(super) fn read(
        &self,
        query: &Query,
        detail: Detail,
        (span, order): (Span, Order),
        wanted: usize,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let (coverage, now) = (self.coverage()?, self.now());
        let detail = self.required_detail(query, detail);
        let mut current = RecordReader::new(
            self,
            query,
            detail,
            (coverage.current(span, now), order),
            wanted,
        );
        let mut legacy =
            self.legacy_entries(query, detail, (coverage.legacy(span, now), order), wanted);
        let mut next_legacy = || -> Result<Option<Record>> {
            while let Some(entry) = legacy.next()? {
                if let Some(record) = entry::parse(&entry.line) {
                    return Ok(Some(record));
                }
            }
            Ok(None)
        };
        let (mut ours, mut legacy_record) = (current.next()?, next_legacy()?);
        loop {
            let is_ours_first = match (&ours, &legacy_record) {
                (None, None) => return Ok(()),
                (Some(ours), Some(legacy)) if order == Order::OldestFirst => {
                    ours.position() <= legacy.position()
                }
                (Some(ours), Some(legacy)) => ours.position() >= legacy.position(),
                (ours, _) => ours.is_some(),
            };
            let first = if is_ours_first {
                &mut ours
            } else {
                &mut legacy_record
            };
            if let Some(record) = first.take()
                && visit(record).is_break()
            {
                return Ok(());
            }
            *first = if is_ours_first {
                current.next()?
            } else {
                next_legacy()?
            };
        }
    }

    /// Returns the detail that has to be read to decide whether a record matches.
    pub(super) fn required_detail(&self, query: &Query, detail: Detail) -> Detail {
        let is_exact =
            query.q.is_none() && query.prompt_search.as_ref().is_none_or(search::is_exact);
        if is_exact { detail } else { Detail::Whole }
    }

    /// Reads facts, whose last responses are cached.
    pub(super) fn summary_entries(
        &self,
        query: String,
        when: (Span, Order),
        first: usize,
    ) -> PageReader<'_> {
        let stable_until = time::stable_until(self.now());
        let ask =
            move |span, order, limit| self.cached_query(&query, span, order, stable_until, limit);
        self.page_reader(when, first, Box::new(ask))
    }

    fn page_reader<'a>(
        &'a self,
        (span, order): (Span, Order),
        first: usize,
        fetch: Box<FetchPage<'a>>,
    ) -> PageReader<'a> {
        let stable_until = time::stable_until(self.now());
        PageReader::new(span, order, stable_until, first, &self.limits, fetch)
    }

    /// Reads lines as they are.
    pub(super) fn entries(
        &self,
        query: String,
        when: (Span, Order),
        first: usize,
    ) -> PageReader<'_> {
        let ask = move |span, order, limit| {
            self.client
                .query_range(&query, span, order, limit, &|_, line| line)
        };
        self.page_reader(when, first, Box::new(ask))
    }

    fn legacy_entries(
        &self,
        query: &Query,
        detail: Detail,
        when: (Span, Order),
        wanted: usize,
    ) -> PageReader<'_> {
        if detail == Detail::Brief && !query.has_text() {
            return self.legacy_summaries(query, when, wanted);
        }
        self.entries(
            logql::legacy_records(query),
            when,
            LEGACY_FIRST_PAGE_ENTRIES,
        )
    }

    /// Reads records of version 0.1.0 without transferring their texts.
    pub(super) fn legacy_summaries(
        &self,
        query: &Query,
        when: (Span, Order),
        first: usize,
    ) -> PageReader<'_> {
        let query = logql::legacy_without_texts(query);
        let line =
            |labels: &Labels, _| logql::legacy_summary(|name| labels.get(name).map(String::as_str));
        let ask =
            move |span, order, limit| self.client.query_range(&query, span, order, limit, &line);
        self.page_reader(when, first, Box::new(ask))
    }
}

impl<'a> RecordReader<'a> {
    fn new(
        loki: &'a Loki,
        query: &'a Query,
        detail: Detail,
        when: (Span, Order),
        wanted: usize,
    ) -> RecordReader<'a> {
        let source = if query.has_text() {
            SummarySource::Found {
                ids: loki.entries(logql::text_ids(query), when, wanted),
                last_ids: Vec::new(),
                summaries: VecDeque::new(),
            }
        } else {
            SummarySource::All(loki.summary_entries(logql::summaries(query), when, wanted))
        };
        RecordReader {
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
            let group = self.next_group()?;
            if group.is_empty() {
                return Ok(None);
            }
            self.ready = match self.detail {
                Detail::Brief => group
                    .into_iter()
                    .map(|(entry, _)| entry)
                    .filter_map(|entry| entry::parse(&entry.line))
                    .collect(),
                Detail::Whole => self.join_texts(group)?,
            };
        }
        Ok(self.ready.pop_front())
    }

    /// Reads the next facts, until their texts together are a page, and without fetching more.
    fn next_group(&mut self) -> Result<Vec<(Entry, EntryKey)>> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.is_empty() || (self.has_next() && group.len() < GROUP_MAX && bytes < PAGE_SIZE)
        {
            let Some(entry) = self.next_summary()? else {
                break;
            };
            let is_match =
                entry::parse(&entry.line).is_some_and(|record| self.query.matches_facts(&record));
            if let Some(key) = entry::key(&entry.line).filter(|_| is_match) {
                bytes += key.text_bytes;
                group.push((entry, key));
            }
        }
        Ok(group)
    }

    fn has_next(&self) -> bool {
        match &self.source {
            SummarySource::All(summaries) => summaries.has_next(),
            SummarySource::Found { summaries, .. } => !summaries.is_empty(),
        }
    }

    fn next_summary(&mut self) -> Result<Option<Entry>> {
        let (loki, order) = (self.loki, self.order);
        match &mut self.source {
            SummarySource::All(reader) => reader.next(),
            SummarySource::Found {
                ids,
                last_ids,
                summaries,
            } => {
                while summaries.is_empty() {
                    let Some((span, found)) = next_ids(ids, last_ids)? else {
                        return Ok(None);
                    };
                    let mut reader = loki.summary_entries(
                        logql::with_ids(Part::Facts, &found),
                        (span, order),
                        found.len() + 1,
                    );
                    while let Some(entry) = reader.next()? {
                        summaries.push_back(entry);
                    }
                    *last_ids = found;
                }
                Ok(summaries.pop_front())
            }
        }
    }

    /// Reads the texts of these facts, and joins them to records.
    fn join_texts(&self, group: Vec<(Entry, EntryKey)>) -> Result<VecDeque<Record>> {
        let times = || group.iter().map(|(entry, _)| entry.time);
        let span = Span {
            start: times().min().unwrap_or(0),
            end: times().max().unwrap_or(0).saturating_add(1),
        };
        let mut reader = self.loki.entries(
            logql::texts(self.query),
            (span, self.order),
            group.len() + 1,
        );
        let mut texts = HashMap::new();
        while let Some(entry) = reader.next()? {
            let id = entry::id(&entry.line).unwrap_or_default();
            if group.iter().any(|(_, key)| key.interaction_id == id) {
                texts.insert(id, entry.line);
            }
        }
        let join = |(entry, key): (Entry, EntryKey)| {
            entry::join(&entry.line, texts.remove(&key.interaction_id).as_deref())
        };
        Ok(group.into_iter().filter_map(join).collect())
    }
}

/// Reads the next ids of a search that are not among the last ones, and the span of their entries.
fn next_ids(ids: &mut PageReader, last_ids: &[String]) -> Result<Option<(Span, Vec<String>)>> {
    let mut found = Vec::new();
    let mut span: Option<Span> = None;
    while found.is_empty() || (ids.has_next() && found.len() < IDS_MAX) {
        let Some(Entry { time, line }) = ids.next()? else {
            break;
        };
        if found.contains(&line) || last_ids.contains(&line) {
            continue;
        }
        let known = span.unwrap_or(Span::at(time));
        span = Some(Span {
            start: known.start.min(time),
            end: known.end.max(time.saturating_add(1)),
        });
        found.push(line);
    }
    Ok(span.map(|span| (span, found)))
}
