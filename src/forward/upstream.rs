//! UPSTREAM: the connection of one worker to Ollama: a ureq agent configured for a proxy.

use std::io::Read;
use std::sync::Arc;

use ureq::http::{Method, Request, Response, Uri};
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, Body, Error, SendBody};

use super::control::ConnectionControl;
use super::head_transport::HeadConnector;
use super::tcp_transport::TcpConnector;
use crate::http::agent::Target;
use crate::util::budget::Budget;

/// One agent, so one connection and no lock shared with other workers.
pub struct UpstreamConnection {
    pub control: Arc<ConnectionControl>,
    agent: Agent,
    uri: Uri,
}

/// The body that the reply to a request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyBody {
    AsFramed,
    /// None, whatever the head of the reply says: the request was HEAD.
    None,
}

impl UpstreamConnection {
    /// Heads of replies are taken from `budget`.
    pub fn new(target: &Target, budget: &Arc<Budget>) -> UpstreamConnection {
        let is_https = target.upstream.is_https();
        let control = Arc::new(ConnectionControl::new(is_https));
        let tcp = TcpConnector(control.clone());
        // TLS that is only passed through still costs a worker 16 KiB of stack.
        if is_https {
            let tls = tcp.chain(RustlsConnector::default());
            UpstreamConnection::over(tls, control, target, budget)
        } else {
            UpstreamConnection::over(tcp, control, target, budget)
        }
    }

    /// A connection over a transport of the caller.
    fn over(
        transport: impl Connector,
        control: Arc<ConnectionControl>,
        target: &Target,
        budget: &Arc<Budget>,
    ) -> UpstreamConnection {
        let heads = HeadConnector {
            control: control.clone(),
            budget: budget.clone(),
        };
        // Only scheme and authority matter: the path is in the head that the control has.
        let uri = format!("{}/", target.upstream.origin());
        UpstreamConnection {
            control,
            agent: target.agent_over(transport.chain(heads), |config| config),
            uri: uri.parse().unwrap_or_default(),
        }
    }

    /// Sends the whole request that was set and waits for the head of the reply, for as long as Ollama takes.
    pub fn send_whole(&self, reply_body: ReplyBody) -> Result<Response<Body>, Error> {
        // ureq needs the method to frame the bodies; the head that it makes is never sent.
        let method = match reply_body {
            ReplyBody::AsFramed => Method::GET,
            ReplyBody::None => Method::HEAD,
        };
        let request = Request::builder().method(method).uri(self.uri.clone());
        self.agent.run(request.body(())?)
    }

    /// Sends the head that was set and then `body`, piece by piece as it is read. ureq frames it in chunks, whatever its head says: only
    /// then may it end early, when Ollama wants no more of it.
    pub fn send_stream(
        &self,
        body: &mut dyn Read,
        expects_continue: bool,
    ) -> Result<Response<Body>, Error> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone());
        if expects_continue {
            request = request.header("expect", "100-continue");
        }
        self.agent.run(request.body(SendBody::from_reader(body))?)
    }
}

#[cfg(test)]
mod tests;
