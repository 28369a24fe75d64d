//! The pages of the history that show numbers, or delete: one short JSON response each.

use serde::Serialize;
use serde_json::json;

use super::parameters::{Deletion, Parameters};
use super::response::{JSON, PageResponse};
use crate::history::History;
use crate::history::record::now;
use crate::history::store::{Group, Result, Selection, StoreError};
use crate::observe::category::CATEGORIES;

/// `/analytics/stats`: the state of the history.
pub fn stats(parameters: &Parameters, history: &History) -> Result<PageResponse> {
    parameters.only(&[])?;
    let extent = history.store.extent()?;
    respond(json!({
        "backend": history.store.backend(),
        "data_dir": history.store.location(),
        "queue_size": history.recorder.queue_size(),
        "write_error": history.recorder.failure(),
        "retention_days": history.retention_days.unwrap_or(0),
        "categories": CATEGORIES,
        "records": extent.records,
        "bytes": extent.bytes,
        "oldest": extent.oldest,
        "newest": extent.newest,
    }))
}

/// `/analytics/stats/enhanced`: statistics of some hours, or of other times.
pub fn enhanced_stats(parameters: &Parameters, history: &History) -> Result<PageResponse> {
    respond(history.store.enhanced(&parameters.stats_question(now())?)?)
}

/// `/analytics/models`: statistics of each model.
pub fn models(parameters: &Parameters, history: &History) -> Result<PageResponse> {
    parameters.only(&[])?;
    let models = history.store.models()?.into_iter().map(model);
    respond(models.collect::<Vec<_>>())
}

fn model(group: Group) -> serde_json::Value {
    json!({
        "model": group.name,
        "count": group.requests,
        "success": group.success,
        "error": group.error,
        "cancelled": group.cancelled,
        "prompt_tokens": group.prompt_tokens,
        "generated_tokens": group.generated_tokens,
        "tokens_per_second": group.tokens_per_second.p50,
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "prompt_cached_tokens": group.prompt_cached_tokens,
    })
}

/// `/analytics/why`: what went wrong with the requests that match.
pub fn why(parameters: Parameters, history: &History) -> Result<PageResponse> {
    let now = now();
    let hidden = parameters.hidden()?;
    let query = parameters.without("all").why_query(now)?;
    respond(history.store.why(&query, hidden, now)?)
}

/// `POST /analytics/why/hide`: hides a group of findings for some days, or shows it again.
pub fn hide_findings(parameters: &Parameters, history: &History) -> Result<PageResponse> {
    let (key, days) = parameters.key_and_days()?;
    respond(history.store.hide_findings(key, days, now())?)
}

/// `DELETE /analytics/messages`: deletes the records before a time, those that match, or all.
pub fn purge(parameters: Parameters, history: &History) -> Result<PageResponse> {
    respond(match parameters.deletion()? {
        Deletion::All => history.purge(None)?,
        Deletion::Before(time) => history.purge(Some(time))?,
        Deletion::Matching(query) => history.delete(&Selection::Matching(query))?,
    })
}

/// Returns `body` as JSON: the fields of a struct in its order, which is the contract's; those of
/// `json!` in the order of the alphabet.
pub fn respond(body: impl Serialize) -> Result<PageResponse> {
    match serde_json::to_vec(&body) {
        Ok(body) => Ok(PageResponse::ok(JSON, body).private()),
        Err(cause) => Err(StoreError::Failed(format!("write the answer: {cause}"))),
    }
}
