//! FORWARD: the life of one exchange, in order: frame, reader, send, reply; bytes first, looking later.
//!
//! A failure before the reply's head becomes an answer in the route's dialect; after it the client sees a reply that
//! broke (design.md section 2.5).

pub mod body;
mod buffers;
mod copy;
pub mod failure;
pub mod headers;
mod heads;
pub mod line;
mod outgoing;
pub mod readiness;
mod resend;
mod tcp;
pub mod upstream;

use std::sync::Arc;

use ureq::http::Response;

use self::body::{Pace, Upload};
use self::failure::{Failure, Kind};
use self::headers::Host;
use self::line::{Cut, Line};
use self::outgoing::{Looking, Outgoing};
use self::upstream::{Courier, Sending, Target};
use crate::forward::readiness::Readiness;
use crate::http::route::{Dialect, Forward};
use crate::observe::{ExchangeEnd, Observer, RequestBody};
use crate::server::fault::Fault;
use crate::server::reply::{Frame, Manners, Reply};
use crate::server::{Connection, Content, Framing, Head, Reason, Then};
use crate::util::budget::{Budget, Buffer};

/// What all workers forward with.
pub struct Forwarder {
    pub target: Target,
    pub readiness: Arc<Readiness>,
    /// Listener and upstream are both loopback, so `Host` passes as the client sent it.
    pub host_passes: bool,
}

/// A request ready to be forwarded.
pub struct Outbound {
    pub conn: Connection,
    pub head: Head,
    pub content: Content,
    pub route: Forward,
    /// In a box: it is handed on several times, and a copy of it on the stack of every stream would be a page.
    pub observer: Option<Box<Observer>>,
}

/// What one worker owns.
pub struct Hands {
    courier: Courier,
    frame: Frame,
    readiness: Arc<Readiness>,
}

impl Hands {
    /// Heads of replies are taken from `budget`.
    pub fn new(forwarder: &Forwarder, budget: &Arc<Budget>) -> Hands {
        Hands {
            courier: Courier::new(&forwarder.target, budget),
            frame: Frame::new(),
            readiness: forwarder.readiness.clone(),
        }
    }
}

/// How it went, for whoever counts.
#[derive(Debug, Default)]
pub struct Report {
    /// The status that the client was sent.
    pub status: Option<u16>,
    pub upstream_error: Option<Kind>,
    /// It was sent anew, because the kept connection had died.
    pub sent_anew: bool,
    pub refused: Option<Reason>,
}

impl Hands {
    pub fn line(&self) -> &Arc<Line> {
        &self.courier.line
    }
}

impl Forwarder {
    /// Forwards a request and its reply. The connection comes back where it is still of use.
    pub fn forward(
        &self,
        outbound: Outbound,
        hands: &mut Hands,
    ) -> (Report, Option<(Connection, Then)>) {
        let Outbound {
            mut conn,
            head,
            mut content,
            route,
            mut observer,
        } = outbound;
        let mut manners = Manners::of(&head);
        let line = hands.courier.line.clone();
        line.begin();
        let attached = line.attach(conn.socket(), !manners.http10);
        let mut report = Report::default();
        let sent = self.send(
            &mut conn,
            &head,
            &mut content,
            &mut observer,
            &hands.courier,
            &mut report,
        );
        if !content.is_read() {
            // Nobody knows what of it is still to come.
            manners = manners.closing();
        }
        let result = match sent {
            Ok(response) => copy::reply(
                response,
                conn,
                manners,
                hands,
                observer.as_deref_mut(),
                &mut report,
            ),
            Err(failure) => Err(Box::new((failure, Some(conn)))),
        };
        drop(attached);
        let (end, after) = match result {
            Ok(after) => (ExchangeEnd::Complete, Some(after)),
            Err(failed) => {
                let (failure, conn) = *failed;
                let failure = blame(failure, &line);
                if let Failure::Upstream(..) | Failure::Refused(_, Reason::Starting) = failure {
                    self.readiness.request_check();
                }
                settle(failure, conn, manners, route.dialect, &mut report)
            }
        };
        if let Some(observer) = observer {
            observer.finish(end);
        }
        (report, after)
    }

    /// Sends the request and waits for the head of the reply.
    fn send(
        &self,
        conn: &mut Connection,
        head: &Head,
        content: &mut Content,
        observer: &mut Option<Box<Observer>>,
        courier: &Courier,
        report: &mut Report,
    ) -> Result<Response<ureq::Body>, Failure> {
        if !self.readiness.is_ready() {
            if let Some(observer) = observer {
                observer.request(
                    describe(head, content.held.bytes(), !content.is_read()),
                    content.held.bytes().len() as u64,
                );
            }
            return Err(Failure::Refused(Fault::starting(), Reason::Starting));
        }
        if content.rest.is_some() {
            return self.stream(conn, head, content, observer.as_deref_mut(), courier);
        }
        let body = std::mem::replace(&mut content.held, Buffer::new(&conn.context.budget));
        courier.line.load(
            Outgoing::whole(self.head(head, false), body, head.framing()),
            !self.target.upstream.is_https(),
            false,
        );
        if let Some(observer) = observer.take() {
            courier.line.look_later(Looking::new(observer, head));
        }
        let (sent, sent_anew) = resend::send(courier, &self.readiness, head.is_head());
        report.sent_anew = sent_anew;
        // Who was never reached is looked at only now.
        *observer = courier.line.take_observer();
        courier.line.forget();
        sent.map_err(|e| self.unsent(&e))
    }

    /// Sends a body that is still coming.
    fn stream(
        &self,
        conn: &mut Connection,
        head: &Head,
        content: &mut Content,
        observer: Option<&mut Observer>,
        courier: &Courier,
    ) -> Result<Response<ureq::Body>, Failure> {
        let Some(body) = &mut content.rest else {
            return Err(Failure::ClientGone);
        };
        let awaits_leave = head.expects_continue() && !content.is_allowed;
        let has_length = head.framing() != Framing::Chunked;
        courier.line.load(
            Outgoing::head(self.head(head, awaits_leave)),
            !self.target.upstream.is_https(),
            has_length,
        );
        let (held, line, pace) = (content.held.bytes(), &*courier.line, Pace::new());
        let kept = observer
            .is_some()
            .then(|| Buffer::new(&conn.context.budget));
        let mut upload = Upload {
            held,
            conn,
            body,
            line,
            awaits_leave,
            kept,
            passed: 0,
            whole_at: None,
            failure: None,
            pace,
        };
        let result = courier.send(Sending::Streamed {
            body: &mut upload,
            expects_continue: awaits_leave,
        });
        let Upload {
            passed,
            whole_at,
            failure,
            kept,
            ..
        } = upload;
        if whole_at.is_some() {
            content.rest = None;
        }
        if let (Some(observer), Some(kept)) = (observer, kept) {
            let cut = whole_at.is_none() || passed > kept.bytes().len() as u64;
            observer.request(describe(head, kept.bytes(), cut), passed);
            if let Some(at) = whole_at {
                observer.uploaded(at);
            }
        }
        match (result, failure) {
            (Err(_), Some(body::Failed::ClientGone)) => Err(Failure::ClientGone),
            (Err(_), Some(body::Failed::Refused(refusal))) => {
                Err(Failure::Refused(Fault::of(&refusal), refusal.reason))
            }
            (result, _) => result.map_err(|e| self.unsent(&e)),
        }
    }

    fn head(&self, head: &Head, asks_leave: bool) -> Vec<u8> {
        let upstream = &self.target.upstream;
        let host = upstream.host_header();
        let host = if self.host_passes {
            Host::Client(&host)
        } else {
            Host::Upstream(&host)
        };
        headers::request_head(head, &upstream.base_path, host, asks_leave)
    }

    fn unsent(&self, error: &ureq::Error) -> Failure {
        match Failure::upstream(&format!("ask ollama at {}", self.target.upstream), error) {
            // It died a moment ago, and nobody has noted it yet.
            Failure::Upstream(Kind::Connect, _) if self.readiness.is_managed => {
                Failure::Refused(Fault::starting(), Reason::Starting)
            }
            Failure::Upstream(kind @ (Kind::Connect | Kind::Timeout | Kind::Resolve), text) => {
                Failure::Upstream(kind, text + self.readiness.advice)
            }
            failure => failure,
        }
    }
}

/// A request that was ended from outside failed for that reason, whatever it looks like from here.
fn blame(failure: Failure, line: &Line) -> Failure {
    match (failure, line.is_cut()) {
        (failure, None) => failure,
        (_, Some(Cut::ClientGone)) => Failure::ClientGone,
        (_, Some(Cut::Shutdown)) => Failure::Upstream(
            Kind::Body,
            "forward: the tap was stopped before the reply had ended".into(),
        ),
    }
}

/// Tells the client of `failure` where it has heard nothing yet, and says how the exchange ended and what becomes of the connection.
fn settle(
    failure: Failure,
    conn: Option<Connection>,
    manners: Manners,
    dialect: Dialect,
    report: &mut Report,
) -> (ExchangeEnd, Option<(Connection, Then)>) {
    let fault = match failure {
        Failure::ClientGone => return (ExchangeEnd::ClientGone, None),
        Failure::Upstream(kind, text) => {
            report.upstream_error = Some(kind);
            if report.status.is_some() {
                return (ExchangeEnd::UpstreamFailed(text), None);
            }
            Fault::new(502, text)
        }
        Failure::Refused(fault, reason) => {
            report.refused = Some(reason);
            fault
        }
    };
    let after = conn.and_then(|conn| answer(conn, manners, &fault, dialect));
    report.status = after.as_ref().map(|_| fault.status);
    (ExchangeEnd::Refused(fault.status, fault.message), after)
}

/// Tells the client of a fault, if it is still there. Gives its connection back.
fn answer(
    conn: Connection,
    manners: Manners,
    fault: &Fault,
    dialect: Dialect,
) -> Option<(Connection, Then)> {
    let (head, body) = fault.render(manners.version(), dialect);
    let reply = Reply::new(conn, manners, head, manners.framing(fault.status, true));
    reply
        .send_whole(if manners.head_only { &[] } else { &body })
        .ok()
}

fn describe<'a>(head: &'a Head, bytes: &'a [u8], cut: bool) -> RequestBody<'a> {
    RequestBody {
        bytes,
        is_partial: cut,
        encoding: head.text("content-encoding"),
        content_type: head.text("content-type"),
    }
}
