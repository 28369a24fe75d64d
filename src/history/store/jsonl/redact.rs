//! Taking texts out of the conversations of records: a day's file that has some is written anew.

use std::borrow::Cow;

use serde::Deserialize;

use super::Jsonl;
use super::count::count_lines;
use super::day::Day;
use crate::history::record::Record;
use crate::history::store::Result;
use crate::history::store::redaction::Redaction;
use crate::util::threads::lock;

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
        let found = count_lines(&file, |line| redacted(redaction, line).is_some())?;
        drop(file); // which is replaced
        if found > 0 {
            self.cut(day, &|line| {
                if let Some(text) = redacted(redaction, &line.text) {
                    line.text = text;
                }
                true
            })?;
        }
        Ok(found)
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
