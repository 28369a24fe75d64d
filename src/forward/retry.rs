//! RETRY: sends a request on a stale connection once more, on a fresh one (`attempt` decides when).

use ureq::http::Response;
use ureq::{Body, Error};

use super::upstream::{ReplyBody, UpstreamConnection};
use crate::forward::readiness::Readiness;

/// Sends the whole request that was set and waits for the head of the reply. Also returns whether it was sent again: never to a
/// restarted Ollama, since the request may have ended the first one.
pub fn send(
    upstream: &UpstreamConnection,
    readiness: &Readiness,
    reply_body: ReplyBody,
) -> (Result<Response<Body>, Error>, bool) {
    let (control, generation) = (&upstream.control, readiness.generation());
    let result = upstream.send_whole(reply_body);
    let may_retry = result.is_err() && control.cancelled().is_none() && control.was_stale();
    if !may_retry || !readiness.is_current(generation) {
        return (result, false);
    }
    log::debug!("send again: the kept connection to ollama had died");
    control.restart();
    (upstream.send_whole(reply_body), true)
}
