//! A record by its id, or by the beginning of it.

use super::{Result, Store, StoreError};
use crate::history::record::Record;

/// The least characters of an id that stand for it.
pub const PREFIX_MIN: usize = 4;

/// The characters of a whole id.
pub const LENGTH: usize = 16;

/// The most ids that are named where several begin alike.
const IDS_MAX: usize = 20;

impl Store {
    /// Returns the record with this id, or the one whose id begins so, if there is one.
    pub fn find(&self, id: &str) -> Result<Option<Record>> {
        match self.get(id)? {
            None => match self.whole_id(id)? {
                Some(whole) => self.get(&whole),
                None => Ok(None),
            },
            record => Ok(record),
        }
    }

    /// Returns the one id that begins so, if there is one.
    pub fn whole_id(&self, prefix: &str) -> Result<Option<String>> {
        if prefix.chars().count() < PREFIX_MIN {
            return Ok(None);
        }
        let mut ids = self.engine.ids(prefix, IDS_MAX + 1)?;
        if ids.len() < 2 {
            return Ok(ids.pop());
        }
        ids.sort_unstable();
        let more = if ids.len() > IDS_MAX { " and more" } else { "" };
        ids.truncate(IDS_MAX);
        Err(StoreError::Ambiguous(format!(
            "several ids begin with `{prefix}`: {}{more}",
            ids.join(", ")
        )))
    }
}
