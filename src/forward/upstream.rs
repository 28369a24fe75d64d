//! The ureq agent of one worker, set up as a proxy needs it, and one `send`.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::{AutoHeaderValue, Config};
use ureq::http::{Method, Request, Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Connector, NextTimeout, RustlsConnector};
use ureq::{Agent, Body, Error, SendBody};

use super::failure::{Kind, Trouble};
use super::heads::HeadConnector;
use super::line::Line;
use super::tcp::TcpConnector;
use crate::error::failed;
use crate::http::address::Upstream;
use crate::util::budget::Budget;

/// An idle connection to Ollama is kept this long; Ollama itself never closes one.
const IDLE: Duration = Duration::from_secs(300);

/// Each of the two buffers above TLS (bytes), which do not grow: a head must fit.
const TLS_BUFFER: usize = 64 * 1024;

/// Where requests go, and which certificates prove it.
#[derive(Clone, Debug)]
pub struct Target {
    pub upstream: Upstream,
    pub roots: Option<Arc<Vec<Certificate<'static>>>>,
}

/// A PEM file with further roots for https, beside the public ones.
const ENV_CERT_FILE: &str = "SSL_CERT_FILE";

impl Target {
    /// Where `upstream` is, with the roots that the environment adds for https.
    pub fn of(upstream: &Upstream) -> crate::error::Result<Target> {
        let path = std::env::var(ENV_CERT_FILE)
            .ok()
            .filter(|path| upstream.is_https() && !path.is_empty());
        let roots = path.map(|path| {
            let doing = || format!("read {ENV_CERT_FILE} {path}");
            let pem = std::fs::read(&path).map_err(failed(doing()))?;
            roots_with(&pem).map_err(failed(doing()))
        });
        Ok(Target {
            upstream: upstream.clone(),
            roots: roots.transpose()?,
        })
    }

    /// Settings that leave a request and its reply as they are: nothing added, nothing followed, nothing decoded.
    /// No proxy of the environment's either, which would send loopback traffic away.
    pub fn config(&self) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
        let roots = self
            .roots
            .clone()
            .map_or(RootCerts::WebPki, RootCerts::Specific);
        Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(AutoHeaderValue::None)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .allow_non_standard_methods(true)
            .input_buffer_size(TLS_BUFFER)
            .output_buffer_size(TLS_BUFFER)
            .max_idle_age(IDLE)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
    }
}

/// The certificates of a PEM file, in addition to the public ones.
fn roots_with(pem: &[u8]) -> Result<Arc<Vec<Certificate<'static>>>, Error> {
    let mut roots: Vec<Certificate> = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item? {
            roots.push(certificate);
        }
    }
    Ok(Arc::new(roots))
}

/// What ureq must know of a request to frame its body; the head itself waits in the `Line`.
pub enum Sending<'a> {
    /// All of it waits in the line.
    Loaded { head_only_reply: bool },
    /// The body is read and sent piece by piece. ureq frames it in chunks, whatever its head says: only so does it end wherever its
    /// reader ends, when Ollama wants no more of it.
    Streamed {
        body: &'a mut dyn Read,
        expects_continue: bool,
    },
}

/// One worker's way to Ollama: one agent, so one connection and no lock shared with others.
pub struct Courier {
    pub line: Arc<Line>,
    agent: Agent,
    uri: Uri,
}

impl Courier {
    pub fn new(target: &Target, budget: &Arc<Budget>) -> Courier {
        let line = Arc::new(Line::default());
        let heads = HeadConnector {
            line: line.clone(),
            budget: budget.clone(),
        };
        let (tcp, config) = (TcpConnector(line.clone()), target.config().build());
        // TLS that is only passed through still costs a worker 16 KiB of stack.
        let agent = if target.upstream.is_https() {
            Agent::with_parts(
                config,
                tcp.chain(RustlsConnector::default()).chain(heads),
                Names,
            )
        } else {
            Agent::with_parts(config, tcp.chain(heads), Names)
        };
        // Only scheme and authority matter: the path goes by the head in the line.
        let uri = format!("{}/", target.upstream.origin())
            .parse()
            .unwrap_or_default();
        Courier { line, agent, uri }
    }

    /// Sends what the line was loaded with and waits for the head of the reply, for as long as Ollama takes.
    pub fn send(&self, sending: Sending) -> Result<Response<Body>, Error> {
        let method = match &sending {
            Sending::Loaded {
                head_only_reply: true,
            } => Method::HEAD,
            Sending::Loaded {
                head_only_reply: false,
            } => Method::GET,
            Sending::Streamed { .. } => Method::POST,
        };
        let mut request = Request::builder().method(method).uri(self.uri.clone());
        match sending {
            Sending::Loaded { .. } => self.agent.run(request.body(())?),
            Sending::Streamed {
                body,
                expects_continue,
            } => {
                if expects_continue {
                    request = request.header("expect", "100-continue");
                }
                self.agent.run(request.body(SendBody::from_reader(body))?)
            }
        }
    }
}

/// Names to addresses. `localhost` needs no file and no server to be known; IPv4 first, where Ollama listens.
#[derive(Debug)]
pub struct Names;

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut found = self.empty();
        let default_port = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(default_port);
        let host = uri.host().unwrap_or_default();
        let all = addresses(host, port)
            .map_err(|e| Trouble::wrap(Kind::Resolve, format!("look up {host}"), e))?;
        for address in all.into_iter().take(MAX_ADDRESSES) {
            found.push(address);
        }
        if found.is_empty() {
            Err(Error::HostNotFound)
        } else {
            Ok(found)
        }
    }
}

/// What ureq's own list of addresses holds.
const MAX_ADDRESSES: usize = 16;

/// The addresses of `host`, the way every part of the tap reads a name.
pub fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ]);
    }
    Ok((host, port).to_socket_addrs()?.collect())
}
