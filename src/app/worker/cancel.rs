//! CANCEL: ends one request under way because somebody asks for it on our page.

use std::net::SocketAddr;

use super::{WorkerContext, page_mode};
use crate::http::route::Route;
use crate::observe::{ExchangeEnd, RequestBody};
use crate::server::error_response::ErrorResponse;
use crate::server::response::render;
use crate::server::{Request, driver};

impl WorkerContext {
    /// Cancels the request with this id, as `asker` wants. Returns whether there was one.
    pub(super) fn cancel_request(&self, id: &str, asker: SocketAddr) -> bool {
        let is_cancelled = match self.active.take_waiting(id) {
            Some(request) => {
                self.answer_cancelled(*request);
                true
            }
            None => self.active.cancel(id),
        };
        if is_cancelled {
            log::info!("cancel {id}: asked for by {}", asker.ip());
        }
        is_cancelled
    }

    /// Answers a request that has waited for a worker, and records it with what it asked.
    fn answer_cancelled(&self, request: Request) {
        let Request {
            conn,
            head,
            route,
            body,
            timing,
        } = request;
        let Route::Forward(route) = route else { return };
        let error = ErrorResponse::cancelled();
        let queue_wait = timing.complete_at.elapsed();
        let observer = self.observer(conn.peer, Some(&head), &route, timing.arrival, queue_wait);
        if let Some(mut observer) = observer {
            let bytes = body.buffered.bytes();
            let body = RequestBody {
                bytes,
                is_partial: !body.is_complete(),
                encoding: head.text("content-encoding"),
                content_type: head.text("content-type"),
            };
            observer.request(body, bytes.len() as u64);
            observer.finish(ExchangeEnd::Cancelled(Some(error.status)));
        }
        self.metrics
            .count_http_request(route.endpoint, head.method(), error.status);
        let mode = page_mode(&conn, &head, body.is_complete());
        let (head, body) = error.render(mode.version(), route.dialect);
        let (bytes, persistence) = render(mode, error.status, head, &body);
        driver::send_response(conn, bytes, persistence);
    }
}
