//! The visitors that find records whose ids are known, wholly or in part.

use std::collections::BTreeMap;

use super::line::position;
use super::prefilter::Prefilter;
use super::scan::LineVisitor;
use super::search::{HELD_BYTES_MAX, Hit};
use crate::history::record::{Position, Record};

/// Reads records that were found and not held.
pub struct Refetch<'a> {
    missing: BTreeMap<Position, &'a mut Hit>,
}

impl<'a> Refetch<'a> {
    /// Takes the first of those that are missing, and as many more as may be held at a time.
    pub fn new(found: &'a mut [Hit]) -> Refetch<'a> {
        let mut missing = BTreeMap::new();
        let mut bytes = 0;
        for found in found.iter_mut().filter(|found| found.record.is_none()) {
            bytes += found.bytes;
            if bytes > HELD_BYTES_MAX && !missing.is_empty() {
                break;
            }
            missing.insert(found.position.clone(), found);
        }
        Refetch { missing }
    }
}

impl LineVisitor for Refetch<'_> {
    fn wants(&self, first: f64, last: f64) -> bool {
        self.missing
            .keys()
            .any(|position| (first..=last).contains(&position.timestamp))
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        if let Some(found) = self.missing.remove(&position(line)?) {
            found.record = Some(serde_json::from_slice(line).ok()?);
        }
        Some(())
    }
}

/// Finds one record by its id.
pub struct ById<'a> {
    id: &'a str,
    prefilter: Option<Prefilter>,
    pub found: Option<Record>,
}

impl<'a> ById<'a> {
    pub fn new(id: &'a str) -> ById<'a> {
        ById {
            id,
            prefilter: Prefilter::of_exact(id),
            found: None,
        }
    }
}

impl LineVisitor for ById<'_> {
    fn wants(&self, _: f64, _: f64) -> bool {
        self.found.is_none()
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        if self.found.is_none()
            && self
                .prefilter
                .as_ref()
                .is_none_or(|prefilter| prefilter.may_match(line))
            && position(line)?.id == self.id
        {
            self.found = Some(Record::read(line)?);
        }
        Some(())
    }
}

/// Finds ids by their beginning.
pub struct ByPrefix<'a> {
    prefix: &'a str,
    prefilter: Option<Prefilter>,
    limit: usize,
    pub found: Vec<String>,
}

impl<'a> ByPrefix<'a> {
    pub fn new(prefix: &'a str, limit: usize) -> ByPrefix<'a> {
        ByPrefix {
            prefix,
            prefilter: Prefilter::of_exact(prefix),
            limit,
            found: Vec::new(),
        }
    }
}

impl LineVisitor for ByPrefix<'_> {
    fn wants(&self, _: f64, _: f64) -> bool {
        self.found.len() < self.limit
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        let may_match = |prefilter: &Prefilter| prefilter.may_match(line);
        if self.found.len() < self.limit && self.prefilter.as_ref().is_none_or(may_match) {
            let id = position(line)?.id;
            if id.starts_with(self.prefix) {
                self.found.push(id);
            }
        }
        Some(())
    }
}
