//! Identifies the server at an address, before we take the address or rely on it.

use std::fmt;
use std::net::TcpStream;
use std::time::Duration;

use crate::config::test_overrides;
use crate::http::address::Upstream;
use crate::http::agent::{Target, addresses};
use crate::instance;
use crate::ollama::client::OllamaClient;

/// The longest wait for a machine to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest wait for its version; taps and Ollamas answer from memory.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occupant {
    /// A tap of this version.
    Tap(String),
    /// An Ollama of this version.
    Ollama(String),
    /// Something accepts connections, and is neither.
    Other,
    None,
}

impl Occupant {
    pub fn probe(address: &Upstream) -> Occupant {
        let found = addresses(&address.host, address.port).unwrap_or_default();
        if !found
            .iter()
            .any(|address| TcpStream::connect_timeout(address, CONNECT_TIMEOUT).is_ok())
        {
            return Occupant::None;
        }
        // A tap whose pages have a port of their own says here what Ollama says.
        let pages =
            instance::find(address).map_or_else(|| address.clone(), |instance| instance.pages());
        match (client(&pages).tap_version(), client(address).version()) {
            (Ok(version), _) => Occupant::Tap(version),
            (Err(_), Ok(version)) => Occupant::Ollama(version),
            (Err(_), Err(_)) => Occupant::Other,
        }
    }
}

fn client(address: &Upstream) -> OllamaClient {
    let target = Target::of(address).unwrap_or_else(|_| Target::new(address.clone()));
    let timeout = test_overrides::ANSWER_TIMEOUT.duration_or(ANSWER_TIMEOUT);
    OllamaClient::with_timeout(&target, timeout)
}

impl fmt::Display for Occupant {
    /// Completes "the port is taken by NAME".
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Occupant::Tap(version) => write!(f, ", where an ollama-tap {version} answers"),
            Occupant::Ollama(version) => write!(f, ", where an Ollama {version} answers"),
            Occupant::Other | Occupant::None => Ok(()),
        }
    }
}
