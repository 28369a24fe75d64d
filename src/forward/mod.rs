//! FORWARD: the life of one exchange, in order: frame, gather, send, reply; bytes first, looking later.
//!
//! A failure before the reply's head becomes an answer in the route's dialect; after it the client sees a reply that
//! broke (design.md section 2.5).

pub mod body;
mod buffers;
mod copy;
pub mod failure;
pub mod headers;
pub mod line;
pub mod upstream;
mod wire;

use std::io::ErrorKind;
use std::sync::Arc;

use tiny_http::Method;
use ureq::http::Response;

use self::body::{Budget, Held, Upload};
use self::failure::{Failure, Kind};
use self::headers::{Framing, Host};
use self::upstream::{Courier, Sending, Target};
use crate::client::Client;
use crate::connections::{Cut, Flight};
use crate::fault::Fault;
use crate::gate::Gate;
use crate::observe::{End, Observer, RequestBody};
use crate::reply::{Frame, Manners, Reply};
use crate::route::Forward;

/// What all workers forward with.
pub struct Forwarder {
    pub target: Target,
    pub gate: Arc<Gate>,
    /// Listener and upstream are both loopback, so `Host` passes as the client sent it.
    pub host_passes: bool,
    pub budget: Arc<Budget>,
    /// A body announced with more bytes than this is refused (stack-facts: tiny_http's hunger for memory).
    pub length_max: u64,
}

/// A request ready to be forwarded.
pub struct Outbound<'a> {
    pub client: Client,
    pub route: Forward,
    pub flight: &'a Flight,
    pub observer: Option<Observer>,
}

/// What one worker owns.
pub struct Hands {
    courier: Courier,
    frame: Frame,
    gate: Arc<Gate>,
}

impl Hands {
    pub fn new(forwarder: &Forwarder) -> Hands {
        Hands { courier: Courier::new(&forwarder.target), frame: Frame::new(), gate: forwarder.gate.clone() }
    }
}

/// How it went, for whoever counts.
#[derive(Debug, Default)]
pub struct Report {
    /// The status that the client was sent.
    pub status: Option<u16>,
    pub upstream_error: Option<Kind>,
    pub refused: Option<&'static str>,
}

impl Forwarder {
    pub fn forward(&self, outbound: Outbound, hands: &mut Hands) -> Report {
        let Outbound { mut client, route, flight, mut observer } = outbound;
        let manners = Manners::of(&client);
        flight.attach(&hands.courier.line);
        let sent = self.send(&mut client, &route, observer.as_mut(), &hands.courier);
        let mut report = Report::default();
        let result = match sent {
            Ok(response) => copy::reply(response, client, manners, hands, observer.as_mut(), flight, &mut report),
            Err(failure) => Err(Box::new((failure, Some(client)))),
        };
        flight.detach();
        let end = match result {
            Ok(()) => End::Complete,
            Err(failed) => {
                let (failure, client) = *failed;
                settle(blame(failure, flight), client, manners, &route, &mut report)
            }
        };
        if let Some(observer) = observer {
            observer.finish(end);
        }
        report
    }

    /// Reads what is to be read of the request, sends it, and waits for the head of the reply.
    fn send(
        &self,
        client: &mut Client,
        route: &Forward,
        observer: Option<&mut Observer>,
        courier: &Courier,
    ) -> Result<Response<ureq::Body>, Failure> {
        let framing = self.framing(client)?;
        let mut head = self.head(client);
        let hold = route.inference.is_some() || client.was_read_ahead();
        let held = if hold { Some(Held::gather(client, framing, &self.budget).map_err(unread)?) } else { None };
        let mut observer = observer;
        if let (Some(held), Some(observer)) = (&held, &mut observer) {
            observer.request(describe(client, held), held.bytes.len() as u64);
        }
        if !self.gate.is_open() {
            return Err(Failure::Refused(Fault::starting(), "starting"));
        }
        match held {
            Some(held) if !held.cut => {
                body::append_framed(&mut head, &held.bytes, framing);
                drop(held);
                courier.line.load(head, false);
                let head_only_reply = *client.request.method() == Method::Head;
                courier.send(Sending::Loaded { head_only_reply }).map_err(|e| self.unsent(&e))
            }
            held => {
                courier.line.load(head, !self.target.upstream.is_https());
                let held = held.as_ref().map(|held| &held.bytes[..]).unwrap_or_default();
                self.stream(client, framing, held, observer, courier)
            }
        }
    }

    /// Sends a body that is not held whole.
    fn stream(
        &self,
        client: &mut Client,
        framing: Framing,
        held: &[u8],
        observer: Option<&mut Observer>,
        courier: &Courier,
    ) -> Result<Response<ureq::Body>, Failure> {
        let length = if let Framing::Length(length) = framing { Some(length) } else { None };
        let expects_continue = client.header("expect").is_some();
        let mut upload = Upload { held, client, line: &courier.line, left: length, passed: 0, failure: None };
        let result = courier.send(Sending::Streamed { body: &mut upload, length, expects_continue });
        courier.line.uploaded();
        if let Some(observer) = observer {
            observer.request_bytes(upload.passed);
        }
        match (result, upload.failure) {
            (Err(_), Some(failure)) => Err(unread(failure)),
            (result, _) => result.map_err(|e| self.unsent(&e)),
        }
    }

    /// The framing of the body, or why this is no request to forward.
    fn framing(&self, client: &Client) -> Result<Framing, Failure> {
        let framing =
            client.well_formed().clone().map_err(|text| Failure::Refused(Fault::new(400, format!("read request: {text}")), "framing"))?;
        match framing {
            Framing::Length(length) if length > self.length_max => {
                let text =
                    format!("content-length {length} is over {}; send a larger body with transfer-encoding: chunked", self.length_max);
                Err(Failure::Refused(Fault::new(413, format!("read request: {text}")), "length"))
            }
            framing => Ok(framing),
        }
    }

    fn head(&self, client: &Client) -> Vec<u8> {
        let upstream = &self.target.upstream;
        let host = upstream.host_header();
        let host = if self.host_passes { Host::Client(&host) } else { Host::Upstream(&host) };
        let target = client.request.url();
        let based;
        let target = if upstream.base_path.is_empty() || !target.starts_with('/') {
            target
        } else {
            based = format!("{}{target}", upstream.base_path);
            &based
        };
        headers::request_head(client.request.method().as_str(), target, client.request.headers(), host)
    }

    fn unsent(&self, error: &ureq::Error) -> Failure {
        match Failure::upstream(&format!("ask ollama at {}", self.target.upstream), error) {
            // It died a moment ago, and nobody has told the gate yet.
            Failure::Upstream(Kind::Connect, _) if self.gate.ours => Failure::Refused(Fault::starting(), "starting"),
            failure => failure,
        }
    }
}

/// A body that could not be read: the client left, or what it sends is no body.
fn unread(error: std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            Failure::Refused(Fault::new(400, format!("read request body: {error}").to_lowercase()), "framing")
        }
        _ => Failure::ClientGone,
    }
}

/// A request that was ended from outside failed for that reason, whatever it looks like from here.
fn blame(failure: Failure, flight: &Flight) -> Failure {
    match (failure, flight.is_cut()) {
        (failure, None) => failure,
        (_, Some(Cut::ClientGone)) => Failure::ClientGone,
        (_, Some(Cut::Shutdown)) => Failure::Upstream(Kind::Body, "forward: the tap was stopped before the reply had ended".into()),
    }
}

/// Tells the client of `failure` where it has heard nothing yet, and says how the exchange ended.
fn settle(failure: Failure, client: Option<Client>, manners: Manners, route: &Forward, report: &mut Report) -> End {
    match failure {
        Failure::Refused(fault, reason) => {
            report.status = answer(client, manners, &fault, route);
            report.refused = Some(reason);
            End::Refused(fault.status, fault.message)
        }
        Failure::Upstream(kind, text) => {
            report.upstream_error = Some(kind);
            if report.status.is_some() {
                return End::UpstreamFailed(text);
            }
            let fault = Fault::new(502, text);
            report.status = answer(client, manners, &fault, route);
            End::Refused(fault.status, fault.message)
        }
        Failure::ClientGone => {
            client.into_iter().for_each(Client::hang_up);
            End::ClientGone
        }
    }
}

/// Ends a request that no worker forwards: with a `fault`, or because its client left while it waited.
pub fn turn_away(outbound: Outbound, fault: Option<Fault>) -> Report {
    let Outbound { client, route, flight, observer } = outbound;
    let manners = Manners::of(&client);
    let mut report = Report::default();
    let failure = fault.map_or(Failure::ClientGone, |fault| Failure::Refused(fault, "busy"));
    let end = settle(blame(failure, flight), Some(client), manners, &route, &mut report);
    if let Some(observer) = observer {
        observer.finish(end);
    }
    report
}

/// Tells the client of a fault, if it is still there. Returns the status that was sent.
fn answer(client: Option<Client>, manners: Manners, fault: &Fault, route: &Forward) -> Option<u16> {
    let (head, body) = fault.render(manners.version(), route.dialect);
    let framing = manners.framing(fault.status, true);
    let reply = Reply::new(client?, manners, head, framing).ok()?;
    reply.send_whole(if manners.head_only { &[] } else { &body }).ok()?;
    Some(fault.status)
}

fn describe<'a>(client: &'a Client, held: &'a Held) -> RequestBody<'a> {
    RequestBody {
        bytes: held.head(),
        cut: held.cut,
        encoding: client.header("content-encoding"),
        content_type: client.header("content-type"),
    }
}
