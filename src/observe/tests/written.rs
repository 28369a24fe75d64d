//! Observes replies that a test writes out itself.

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

/// Observes a reply whose body arrives in `pieces`, all at one instant.
pub fn read(endpoint: Inference, content_type: &str, pieces: &[&[u8]]) -> Exchange {
    let mut test = TestObserver::new(endpoint);
    test.observer.head(
        200,
        Some(content_type).filter(|kind| !kind.is_empty()),
        None,
    );
    for piece in pieces {
        test.observer.body(piece, test.started);
    }
    test.finish(ExchangeEnd::Complete)
}

/// Observes a body whole and split at every byte, which must give the same exchange.
pub fn split(endpoint: Inference, content_type: &str, body: &str) -> Exchange {
    let whole = comparable(read(endpoint, content_type, &[body.as_bytes()]));
    for at in 0..=body.len() {
        let (first, second) = body.as_bytes().split_at(at);
        assert_eq!(
            comparable(read(endpoint, content_type, &[first, second])),
            whole,
            "{body:?} split at {at}"
        );
    }
    whole
}

/// Observes a reply whose body arrives in `pieces`, one every 10 ms.
pub fn timed(
    endpoint: Inference,
    content_type: &str,
    pieces: &[&str],
    end: ExchangeEnd,
) -> Exchange {
    let mut test = TestObserver::new(endpoint);
    test.observer.head(200, Some(content_type), None);
    for (at, piece) in (1..).zip(pieces) {
        test.observer.body(
            piece.as_bytes(),
            test.started + Duration::from_millis(10 * at),
        );
    }
    test.finish(end)
}
