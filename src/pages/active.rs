//! The page of what is now, and the answer to who cancels a request.

use serde::Serialize;
use serde_json::json;

use super::Pages;
use super::response::{JSON, PageResponse};
use crate::active::{MinuteTotals, ModelInMemory, OllamaState, RequestUnderWay};
use crate::history::record::now;

/// The answer of `GET /analytics/active`.
#[derive(Serialize)]
struct Now {
    now: f64,
    ollama: OllamaState,
    models: Vec<ModelInMemory>,
    requests: Vec<RequestUnderWay>,
    workers: usize,
    workers_busy: usize,
    /// Records that wait to be written, and those that were lost.
    queue_size: usize,
    dropped: u64,
    last_minute: MinuteTotals,
}

/// `/analytics/active`: what is now.
pub fn what_is_now(pages: &Pages) -> PageResponse {
    let active = &pages.active;
    let mut ollama = active.ollama();
    let health = pages.metrics.own_health();
    let answer = Now {
        now: now(),
        models: std::mem::take(&mut ollama.models),
        ollama,
        requests: active.list(),
        workers: health.workers,
        workers_busy: health.workers_busy,
        queue_size: health.analytics_queue_size,
        dropped: health.analytics_dropped,
        last_minute: active.last_minute(),
    };
    match serde_json::to_vec(&answer) {
        Ok(body) => PageResponse::ok(JSON, body),
        Err(cause) => PageResponse::error(500, &format!("write the answer: {cause}")),
    }
}

/// Answers `DELETE /analytics/active/ID`.
pub fn cancelled(id: &str, is_cancelled: bool) -> PageResponse {
    let response = if is_cancelled {
        PageResponse::json(200, &json!({ "cancelled": id }))
    } else {
        let error = format!("cancel {id}: there is no such request under way");
        PageResponse::error(404, &error)
    };
    response.private()
}
