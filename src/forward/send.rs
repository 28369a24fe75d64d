//! SEND: sends a request to Ollama and waits for the head of the reply.

use ureq::http::Response;

use super::failure::Failure;
use super::headers::{self, HostHeader};
use super::outgoing::{DeferredObserver, OutgoingRequest};
use super::upload::{MinRate, Upload, UploadError};
use super::upstream::{ReplyBody, UpstreamConnection};
use super::{ForwardReport, Forwarder, retry};
use crate::http::agent::UpstreamErrorKind;
use crate::observe::{Observer, RequestBody};
use crate::server::error_response::ErrorResponse;
use crate::server::{Connection, Reason, ReceivedBody, RequestHead};
use crate::util::budget::Buffer;

impl Forwarder {
    /// Sends the request and waits for the head of the reply.
    pub(super) fn send(
        &self,
        conn: &mut Connection,
        head: &RequestHead,
        body: &mut ReceivedBody,
        observer: &mut Option<Box<Observer>>,
        upstream: &UpstreamConnection,
        report: &mut ForwardReport,
    ) -> Result<Response<ureq::Body>, Failure> {
        if !self.readiness.is_ready() {
            if let Some(observer) = observer {
                let buffered = body.buffered.bytes();
                let observed = observed_body(head, buffered, !body.is_complete());
                observer.request(observed, buffered.len() as u64);
            }
            return Err(Failure::Refused(
                ErrorResponse::starting(),
                Reason::Starting,
            ));
        }
        if !body.is_complete() {
            return self.send_stream(conn, head, body, observer.as_deref_mut(), upstream);
        }
        let control = &upstream.control;
        let buffered = std::mem::replace(&mut body.buffered, Buffer::new(&conn.context.budget));
        let outgoing = OutgoingRequest::whole(self.head(head, false), buffered, head.framing());
        control.set_request(outgoing);
        if let Some(observer) = observer.take() {
            control.observe_later(DeferredObserver::new(observer, head));
        }
        let reply_body = if head.is_head() {
            ReplyBody::None
        } else {
            ReplyBody::AsFramed
        };
        let (response, was_retried) = retry::send(upstream, &self.readiness, reply_body);
        report.was_retried = was_retried;
        // A request that never reached Ollama is observed only now.
        *observer = control.take_observer();
        control.forget_request();
        response.map_err(|e| self.send_error(&e))
    }

    /// Sends a body that is still coming.
    fn send_stream(
        &self,
        conn: &mut Connection,
        head: &RequestHead,
        body: &mut ReceivedBody,
        observer: Option<&mut Observer>,
        upstream: &UpstreamConnection,
    ) -> Result<Response<ureq::Body>, Failure> {
        let Some(decoder) = &mut body.remaining else {
            return Err(Failure::ClientGone);
        };
        let awaits_continue = head.expects_continue() && !body.continue_sent;
        let outgoing = OutgoingRequest::streamed(self.head(head, awaits_continue), head.framing());
        upstream.control.set_request(outgoing);
        let observed = observer
            .is_some()
            .then(|| Buffer::new(&conn.context.budget));
        let mut upload = Upload {
            buffered: body.buffered.bytes(),
            conn,
            decoder,
            control: &upstream.control,
            awaits_continue,
            observed,
            passed: 0,
            complete_at: None,
            failure: None,
            rate: MinRate::new(),
        };
        let response = upstream.send_stream(&mut upload, awaits_continue);
        let Upload {
            passed,
            complete_at,
            failure,
            observed,
            ..
        } = upload;
        if complete_at.is_some() {
            body.remaining = None;
        }
        if let (Some(observer), Some(observed)) = (observer, observed) {
            let bytes = observed.bytes();
            let is_partial = complete_at.is_none() || passed > bytes.len() as u64;
            observer.request(observed_body(head, bytes, is_partial), passed);
            if let Some(at) = complete_at {
                observer.uploaded(at);
            }
        }
        match (response, failure) {
            (Ok(response), _) => Ok(response),
            (Err(_), Some(UploadError::ClientGone)) => Err(Failure::ClientGone),
            (Err(_), Some(UploadError::Refused(refusal))) => Err(Failure::Refused(
                ErrorResponse::of(&refusal),
                refusal.reason,
            )),
            (Err(e), None) => Err(self.send_error(&e)),
        }
    }

    fn head(&self, head: &RequestHead, asks_continue: bool) -> Vec<u8> {
        let upstream = &self.target.upstream;
        let host = upstream.host_header();
        let host = if self.passes_host {
            HostHeader::Client(&host)
        } else {
            HostHeader::Upstream(&host)
        };
        headers::request_head(head, &upstream.base_path, host, asks_continue)
    }

    fn send_error(&self, error: &ureq::Error) -> Failure {
        match Failure::upstream(&format!("ask ollama at {}", self.target.upstream), error) {
            // It ended a moment ago, and readiness does not know yet.
            Failure::Upstream(UpstreamErrorKind::Connect, _) if self.readiness.is_managed => {
                Failure::Refused(ErrorResponse::starting(), Reason::Starting)
            }
            Failure::Upstream(
                kind @ (UpstreamErrorKind::Connect
                | UpstreamErrorKind::Timeout
                | UpstreamErrorKind::Resolve),
                text,
            ) => Failure::Upstream(kind, text + self.readiness.advice),
            failure => failure,
        }
    }
}

fn observed_body<'a>(head: &'a RequestHead, bytes: &'a [u8], is_partial: bool) -> RequestBody<'a> {
    RequestBody {
        bytes,
        is_partial,
        encoding: head.text("content-encoding"),
        content_type: head.text("content-type"),
    }
}
