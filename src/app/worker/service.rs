//! What the server leaves to the workers: refusals, pages, and the books on both.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use super::{Workshop, manners};
use crate::http::route::{self, Dialect, Forward, Page, Route};
use crate::observe::ExchangeEnd;
use crate::pages::PageRequest;
use crate::server::driver::Service;
use crate::server::fault::Fault;
use crate::server::reply::{Manners, whole};
use crate::server::{Asked, Head, Refused, Request, Then};

impl Service for Workshop {
    fn refuse(&self, refused: &Refused) -> (Vec<u8>, Then) {
        let Refused {
            conn,
            refusal,
            asked,
            arrived,
            is_read,
        } = refused;
        let fault = Fault::of(refusal);
        let pages = conn.context.pages_of(conn.port);
        let (route, mut manners) = match asked {
            Asked::Nothing => (None, Manners::unknown()),
            Asked::Line { method, target } => (
                Some(route::route(method, target, pages)),
                Manners::unknown_of(method),
            ),
            Asked::Head(head) => (
                Some(route::route(head.method(), &head.target_text(), pages)),
                Manners::of(head),
            ),
        };
        if !is_read || conn.context.keeps_none() {
            manners = manners.closing();
        }
        // Never the message itself, which repeats what was sent: that may be a secret.
        let what = match (&route, asked.method()) {
            (Some(route), Some(method)) => format!("{method} of {}", route.endpoint()),
            _ => "what is no request".to_owned(),
        };
        self.context.refusals.note(refusal.reason, conn.peer, &what);
        if let (Some(route), Some(method)) = (&route, asked.method()) {
            self.metrics
                .count_http_request(route.endpoint(), method, refusal.status);
        }
        if let Some(Route::Forward(forward)) = &route {
            let arrived = arrived.unwrap_or_else(|| (Instant::now(), SystemTime::now()));
            self.record_refusal(conn.peer, asked, forward, arrived, &fault);
        }
        let dialect = if let Some(Route::Forward(forward)) = route {
            forward.dialect
        } else {
            Dialect::Native
        };
        let (head, body) = fault.render(manners.version(), dialect);
        whole(manners, fault.status, head, &body)
    }

    fn left(&self, peer: SocketAddr, head: Head, route: Route, arrived: (Instant, SystemTime)) {
        self.metrics
            .count_http_request(route.endpoint(), head.method(), 499);
        if let Route::Forward(forward) = &route
            && let Some(observer) = self.observer(
                peer,
                head.text("user-agent"),
                forward,
                arrived,
                Duration::ZERO,
            )
        {
            observer.finish(ExchangeEnd::ClientGone);
        }
    }

    fn answer_at_once(&self, request: &Request) -> Option<(Vec<u8>, Then)> {
        let Route::Own(page @ Page::Healthz) = request.route else {
            return None;
        };
        let manners = manners(&request.conn, &request.head, request.content.is_read());
        let answer = self.pages.health(&PageRequest {
            head: &request.head,
            peer: request.conn.peer.ip(),
        });
        self.metrics
            .count_http_request(page.as_str(), request.head.method(), answer.status);
        Some(whole(
            manners,
            answer.status,
            answer.head(manners.version()),
            answer.body(),
        ))
    }

    fn give_page(&self, request: Box<Request>) -> Option<Box<Request>> {
        let Route::Own(page) = request.route else {
            return Some(request);
        };
        self.context.pool.enter();
        let refused = self
            .lanes
            .of(page)
            .try_send(request)
            .err()
            .map(crossbeam_channel::TrySendError::into_inner);
        if refused.is_some() {
            self.context.pool.done();
        }
        refused
    }
}

impl Workshop {
    /// Counts a refused request that would have made a model work, and records it unless too many of them come.
    fn record_refusal(
        &self,
        peer: SocketAddr,
        asked: &Asked,
        route: &Forward,
        arrived: (Instant, SystemTime),
        fault: &Fault,
    ) {
        let user_agent = if let Asked::Head(head) = asked {
            head.text("user-agent")
        } else {
            None
        };
        if let Some(mut observer) = self.observer(peer, user_agent, route, arrived, Duration::ZERO)
        {
            if !self.context.refusals.may_record() {
                observer.set_unrecorded();
            }
            observer.finish(ExchangeEnd::Refused(fault.status, fault.message.clone()));
        }
    }
}
