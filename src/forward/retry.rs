//! RETRY: a request whose kept connection had died is sent once more, on a fresh one (`attempt` says when).

use ureq::http::Response;
use ureq::{Body, Error};

use super::upstream::{ReplyBody, UpstreamConnection};
use crate::forward::readiness::Readiness;

/// Sends the whole request that was set and waits for the head of the reply. Returns also whether it was sent again: never to
/// another Ollama than the first time, which may have ended because of it.
pub fn send(
    upstream: &UpstreamConnection,
    readiness: &Readiness,
    reply_body: ReplyBody,
) -> (Result<Response<Body>, Error>, bool) {
    let (control, generation) = (&upstream.control, readiness.generation());
    let sent = upstream.send_whole(reply_body);
    let may_retry = sent.is_err() && control.cancelled().is_none() && control.was_stale();
    if !may_retry || !readiness.is_current(generation) {
        return (sent, false);
    }
    log::debug!("send again: the kept connection to ollama had died");
    control.restart();
    (upstream.send_whole(reply_body), true)
}
