//! Replies that a test writes out itself, and ways to show them to an observer.

use std::time::Duration;

use super::recorded::*;
use crate::http::route::Inference;
use crate::observe::{Exchange, ExchangeEnd};

pub const SSE: &str = "text/event-stream";
pub const NDJSON: &str = "application/x-ndjson";
pub const JSON: &str = "application/json";

pub const ONE: &str = "{\"message\":{\"content\":\"one\"},\"done\":false}\n";
pub const TWO: &str = "{\"message\":{\"content\":\" two\"},\"done\":false}\n";
pub const DONE: &str = "{\"done\":true,\"done_reason\":\"stop\"}\n";

/// The exchange of a reply whose body comes in `pieces`, all at one instant.
pub fn read(endpoint: Inference, content_type: &str, pieces: &[&[u8]]) -> Exchange {
    let mut watched = watch(endpoint);
    watched.observer.head(
        200,
        Some(content_type).filter(|kind| !kind.is_empty()),
        None,
    );
    pieces
        .iter()
        .for_each(|piece| watched.observer.body(piece, watched.started));
    watched.finish(ExchangeEnd::Complete)
}

/// Reads a body whole and split at every byte, which must be the same.
pub fn split(endpoint: Inference, content_type: &str, body: &str) -> Exchange {
    let whole = normal(read(endpoint, content_type, &[body.as_bytes()]));
    for at in 0..=body.len() {
        let (first, second) = body.as_bytes().split_at(at);
        assert_eq!(
            normal(read(endpoint, content_type, &[first, second])),
            whole,
            "{body:?} split at {at}"
        );
    }
    whole
}

/// An exchange whose reply comes in `pieces`, the first after 10 ms and then one every 10 ms.
pub fn timed(
    endpoint: Inference,
    content_type: &str,
    pieces: &[&str],
    end: ExchangeEnd,
) -> Exchange {
    let mut watched = watch(endpoint);
    watched.observer.head(200, Some(content_type), None);
    for (at, piece) in (1..).zip(pieces) {
        watched.observer.body(
            piece.as_bytes(),
            watched.started + Duration::from_millis(10 * at),
        );
    }
    watched.finish(end)
}
