//! The pages of the history that show numbers, or delete: one short JSON answer each.

use form_urlencoded::parse;
use serde::Serialize;
use serde_json::json;

use super::{Answer, JSON, json_answer};
use crate::history::Archive;
use crate::history::record::now;
use crate::history::store::query::{HOURS, HOURS_FORMS, TIMES, hours, time};
use crate::history::store::{BadParameter, Group, Query, Result, StoreError};
use crate::http::route::{Page, query_of};
use crate::observe::category;

/// What keeps records out of caches and other sites.
pub const PRIVATE: &str = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n";

/// A page's parameters, decoded, in order.
pub type Pairs = Vec<(String, String)>;

/// Answers a question for a page of the history.
pub fn answer(page: Page, target: &str, archive: &Archive) -> Answer {
    let pairs = pairs(target);
    let found = match page {
        Page::Stats => none_but(&pairs, &[]).and_then(|()| stats(archive)),
        Page::Enhanced => {
            hours_of(&pairs).and_then(|hours| body(archive.store.enhanced(hours, now())?))
        }
        Page::Purge => purge(&pairs, archive),
        _ => models(&pairs, archive),
    };
    match found {
        Ok(body) => Answer {
            status: 200,
            content_type: JSON,
            body: Some(body),
            more: PRIVATE.to_owned(),
        },
        Err(why) => refusal(&why),
    }
}

/// The answer to a question that has none.
pub fn refusal(why: &StoreError) -> Answer {
    let status = match why {
        StoreError::Bad(_) => 400,
        StoreError::Nothing(_) => 404,
        StoreError::Failed(_) | StoreError::Full(_) => 503,
    };
    private(json_answer(status, &json!({ "error": why.to_string() })))
}

/// An answer that no cache keeps and no other site reads.
pub fn private(answer: Answer) -> Answer {
    Answer {
        more: PRIVATE.to_owned(),
        ..answer
    }
}

pub fn pairs(target: &str) -> Pairs {
    parse(query_of(target).as_bytes()).into_owned().collect()
}

pub fn query(pairs: &Pairs) -> Result<Query> {
    Query::parse(
        pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
    .map_err(StoreError::Bad)
}

pub fn bad(name: &str, value: &str, accepted: &str) -> StoreError {
    StoreError::Bad(BadParameter {
        name: name.to_owned(),
        value: value.to_owned(),
        accepted: accepted.to_owned(),
    })
}

/// The fields of a struct in its order, which is the contract's; what `json!` made in that of the alphabet.
fn body(found: impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(&found)
        .map_err(|cause| StoreError::Failed(format!("write the answer: {cause}")))
}

fn stats(archive: &Archive) -> Result<Vec<u8>> {
    let extent = archive.store.extent()?;
    body(json!({
        "backend": archive.store.backend(),
        "data_dir": archive.store.place(),
        "queue_size": archive.recorder.queue_size(),
        "write_error": archive.recorder.failure(),
        "retention_days": archive.retention_days.unwrap_or(0),
        "categories": category::CATEGORIES,
        "records": extent.records,
        "bytes": extent.bytes,
        "oldest": extent.oldest,
        "newest": extent.newest,
    }))
}

fn models(pairs: &Pairs, archive: &Archive) -> Result<Vec<u8>> {
    none_but(pairs, &[])?;
    let shown = |group: Group| {
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
    };
    body(
        archive
            .store
            .models()?
            .into_iter()
            .map(shown)
            .collect::<Vec<_>>(),
    )
}

fn hours_of(pairs: &Pairs) -> Result<f64> {
    none_but(pairs, &["hours"])?;
    let Some((name, text)) = pairs.last().filter(|(_, text)| !text.is_empty()) else {
        return Ok(HOURS);
    };
    hours(text).ok_or_else(|| bad(name, text, HOURS_FORMS))
}

/// Deletes what is older than `before_time`, or everything with `all=true`.
fn purge(pairs: &Pairs, archive: &Archive) -> Result<Vec<u8>> {
    let before = match pairs.as_slice() {
        [(name, text)] if name == "before_time" => {
            Some(time(text).ok_or_else(|| bad(name, text, TIMES))?)
        }
        [(name, text)] if name == "all" && text == "true" => None,
        [(name, text), ..] => return Err(bad(name, text, "either before_time=TIME or all=true")),
        [] => {
            return Err(bad(
                "before_time",
                "",
                "either before_time=TIME or all=true",
            ));
        }
    };
    body(archive.purge(before)?)
}

fn none_but(pairs: &Pairs, known: &[&str]) -> Result<()> {
    match pairs
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        Some((name, value)) if known.is_empty() => Err(bad(name, value, "no parameter here")),
        Some((name, value)) => Err(bad(
            name,
            value,
            &format!("no such parameter; there is {}", known.join(", ")),
        )),
        None => Ok(()),
    }
}
