//! Lists of records of a running tap, and what is new in them.

use super::super::filter;
use super::TapClient;
use crate::error::{Error, Result};
use crate::history::record::Record;
use crate::history::store::Query;

/// The header of a list with the cursor behind which records are new.
const CURSOR_HEADER: &str = "ollama-tap-cursor";

/// The answer to a question for a list.
pub enum ListAnswer {
    /// The records, and the cursor behind them, which a tap of an older version has not.
    Records(Vec<Record>, Option<String>),
    /// The tap does not know the cursor any more: it has started anew, or records were deleted.
    CursorEnded,
    /// It cannot be asked at present.
    Away(Error),
}

impl TapClient {
    /// The newest records that match, the newest first.
    pub fn newest(&self, query: &Query) -> Result<Vec<Record>> {
        match self.list(query, None)? {
            ListAnswer::Records(records, _) => Ok(records),
            ListAnswer::CursorEnded => Ok(Vec::new()),
            ListAnswer::Away(error) => Err(error),
        }
    }

    /// The newest records that match, or those that entered the history after this cursor, in the order of entering. An error is a refusal,
    /// which the same question would meet again.
    pub fn list(&self, query: &Query, since: Option<&str>) -> Result<ListAnswer> {
        let request = self
            .agent
            .get(self.url("/analytics/search"))
            .query("limit", query.limit.to_string())
            .query_pairs(filter::parameters(query))
            .query_pairs(since.map(|cursor| ("since", cursor)));
        let response = match self.send(request) {
            Ok(response) => response,
            Err(error) => return Ok(ListAnswer::Away(error)),
        };
        let status = response.status();
        if status == 410 {
            return Ok(ListAnswer::CursorEnded);
        }
        let cursor = response.headers().get(CURSOR_HEADER);
        let cursor = cursor.and_then(|cursor| Some(cursor.to_str().ok()?.to_owned()));
        match self.expect_good(response).and_then(|good| self.read(good)) {
            Ok(records) => Ok(ListAnswer::Records(records, cursor)),
            Err(error) if status.is_client_error() => Err(error),
            Err(error) => Ok(ListAnswer::Away(error)),
        }
    }
}
