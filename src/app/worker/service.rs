//! The service of the server: responses to refused requests, pages, and the counts and records of both.

use std::net::SocketAddr;
use std::time::Duration;

use super::{STATUS_CLIENT_LEFT, WorkerContext, page_mode};
use crate::http::route::{self, Dialect, Forward, Page, Route};
use crate::observe::ExchangeEnd;
use crate::pages::PageRequest;
use crate::server::driver::Service;
use crate::server::error_response::ErrorResponse;
use crate::server::response::{Persistence, ResponseMode, render};
use crate::server::{RefusedRequest, Request, RequestArrival, RequestHead, RequestInfo};

impl Service for WorkerContext {
    fn refusal_response(&self, refused: &RefusedRequest) -> (Vec<u8>, Persistence) {
        let RefusedRequest {
            conn,
            refusal,
            info,
            arrived,
            ..
        } = refused;
        let error = ErrorResponse::of(refusal);
        let (route, mode) = route_and_mode(refused);
        // Never the message itself, which repeats input that may be a secret.
        let what = match (&route, info.method()) {
            (Some(route), Some(method)) => format!("{method} of {}", route.endpoint()),
            _ => "bytes that are not a request".to_owned(),
        };
        self.context.refusals.note(refusal.reason, conn.peer, &what);
        if let (Some(route), Some(method)) = (&route, info.method()) {
            self.metrics
                .count_http_request(route.endpoint(), method, refusal.status);
        }
        if let Some(Route::Forward(forward)) = &route {
            let arrived = arrived.unwrap_or_else(RequestArrival::now);
            self.record_refusal(conn.peer, info, forward, arrived, &error);
        }
        let dialect = match route {
            Some(Route::Forward(forward)) => forward.dialect,
            Some(Route::Own(_)) | None => Dialect::Native,
        };
        let (head, body) = error.render(mode.version(), dialect);
        render(mode, error.status, head, &body)
    }

    fn client_left(
        &self,
        peer: SocketAddr,
        head: RequestHead,
        route: Route,
        arrived: RequestArrival,
    ) {
        self.metrics
            .count_http_request(route.endpoint(), head.method(), STATUS_CLIENT_LEFT);
        if let Route::Forward(forward) = &route
            && let Some(observer) =
                self.observer(peer, Some(&head), forward, arrived, Duration::ZERO)
        {
            observer.finish(ExchangeEnd::ClientGone);
        }
    }

    fn immediate_response(&self, request: &Request) -> Option<(Vec<u8>, Persistence)> {
        let Route::Own(page @ Page::Healthz) = request.route else {
            return None;
        };
        let Request {
            conn, head, body, ..
        } = request;
        let mode = page_mode(conn, head, body.is_complete());
        let answer = self.pages.health(&PageRequest {
            head,
            peer: conn.peer.ip(),
        });
        self.metrics
            .count_http_request(page.as_str(), head.method(), answer.status);
        Some(render(
            mode,
            answer.status,
            answer.head(mode.version()),
            answer.body(),
        ))
    }

    fn queue_page(&self, request: Box<Request>) -> Option<Box<Request>> {
        let Route::Own(page) = request.route else {
            return Some(request);
        };
        self.context.pool.begin_page();
        let rejected = self.page_queues.of(page).offer(request);
        if rejected.is_some() {
            self.context.pool.done();
        }
        rejected
    }
}

impl WorkerContext {
    /// Counts a refused inference request, and records it unless too many come.
    fn record_refusal(
        &self,
        peer: SocketAddr,
        info: &RequestInfo,
        route: &Forward,
        arrived: RequestArrival,
        error: &ErrorResponse,
    ) {
        let head = match info {
            RequestInfo::Head(head) => Some(&**head),
            RequestInfo::Line { .. } | RequestInfo::Unknown => None,
        };
        if let Some(mut observer) = self.observer(peer, head, route, arrived, Duration::ZERO) {
            if !self.context.refusals.may_record() {
                observer.set_unrecorded();
            }
            observer.finish(ExchangeEnd::Refused(error.status, error.message.clone()));
        }
    }
}

/// The route of a refused request, if it was parsed, and the mode of its response.
fn route_and_mode(refused: &RefusedRequest) -> (Option<Route>, ResponseMode) {
    let conn = &refused.conn;
    let served = conn.context.served_routes(conn.role);
    let (route, mode) = match &refused.info {
        RequestInfo::Unknown => (None, ResponseMode::unknown()),
        RequestInfo::Line { method, target } => {
            let route = route::route(method, target, served);
            (Some(route), ResponseMode::unknown_of(method))
        }
        RequestInfo::Head(head) => {
            let route = route::route(head.method(), &head.target_text(), served);
            (Some(route), ResponseMode::of(head))
        }
    };
    if refused.is_complete && !conn.context.sheds_connections() {
        (route, mode)
    } else {
        (route, mode.closing())
    }
}
