//! Taking texts out of the conversations of records: a day's file that has some is written anew.

use std::borrow::Cow;

use serde::Deserialize;

use super::Jsonl;
use super::day::Day;
use super::scan::{LineVisitor, scan};
use crate::history::record::Record;
use crate::history::store::redaction::Redaction;
use crate::history::store::{Result, failed};
use crate::util::threads::lock;

/// Counts the lines that have something to take out.
struct CountRedacted<'a> {
    redaction: &'a Redaction,
    found: u64,
}

impl LineVisitor for CountRedacted<'_> {
    fn wants(&self, _: f64, _: f64) -> bool {
        true
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        self.found += u64::from(redacted(self.redaction, line).is_some());
        Some(())
    }
}

#[derive(Deserialize)]
struct LineSession<'a> {
    #[serde(default, borrow)]
    session_id: Option<Cow<'a, str>>,
}

impl Jsonl {
    /// Returns the number of records that have less than before.
    pub(super) fn redact_conversations(&self, redaction: &Redaction) -> Result<u64> {
        let _rewriting = lock(&self.rewriting);
        let mut changed = 0;
        for day in self.files.days()? {
            changed += self.redact_in(day, redaction)?;
        }
        Ok(changed)
    }

    fn redact_in(&self, day: Day, redaction: &Redaction) -> Result<u64> {
        let Some(file) = self.open_repaired(day)? else {
            return Ok(0);
        };
        let mut count = CountRedacted {
            redaction,
            found: 0,
        };
        scan(&file, &mut count).map_err(failed(format!("read {}", file.path.display())))?;
        drop(file); // which is replaced
        if count.found > 0 {
            self.cut(day, &|line| {
                if let Some(text) = redacted(redaction, &line.text) {
                    line.text = text;
                }
                true
            })?;
        }
        Ok(count.found)
    }
}

/// Returns the line without what is to be taken out; `None` where nothing is.
fn redacted(redaction: &Redaction, line: &[u8]) -> Option<Vec<u8>> {
    let session: LineSession = serde_json::from_slice(line).ok()?;
    if !redaction.concerns(&session.session_id?) {
        return None;
    }
    let mut record = Record::read(line)?;
    redaction.apply(&mut record).then_some(())?;
    serde_json::to_vec(&record).ok()
}
