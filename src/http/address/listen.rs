//! Listening addresses.

use std::fmt;

use super::host::{bracketed, dialable_host, is_valid_host, port, split_host_port, unbracketed};
use super::ollama_host::parse_ollama_host;
use super::{OLLAMA_PORT, Scheme, Upstream};

/// The wildcard of both families, IPv4 and IPv6.
const WILDCARD: &str = "::";

/// The port of a tap that leaves Ollama its own.
pub const PROXY_DEFAULT_PORT: u16 = 8000;

/// An address to listen on. Port 0 lets the system choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
}

impl ListenAddress {
    /// The forms that `parse` takes, for messages.
    pub const FORMS: &str = "HOST:PORT, HOST, :PORT (every interface), PORT, or [IPV6]:PORT";

    /// The default address of Ollama: 127.0.0.1:11434.
    pub fn serve_default() -> ListenAddress {
        ListenAddress {
            host: "127.0.0.1".to_owned(),
            port: OLLAMA_PORT,
        }
    }

    /// Every interface, because Ollama has the port that clients know: [::]:8000.
    pub fn proxy_default() -> ListenAddress {
        ListenAddress {
            host: WILDCARD.to_owned(),
            port: PROXY_DEFAULT_PORT,
        }
    }

    /// Parses one of `FORMS`. Missing parts come from `default`; `:PORT` is every interface, `0.0.0.0:PORT` every one of IPv4.
    pub fn parse(value: &str, default: &ListenAddress) -> Result<ListenAddress, String> {
        if value.contains('@') {
            return Err("a listening address has no user".to_owned());
        }
        if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(ListenAddress {
                host: default.host.clone(),
                port: port(value)?,
            });
        }
        let (host, port) = match split_host_port(value) {
            Some(("", digits)) => (WILDCARD, port(digits)?),
            Some((host, digits)) => (host, port(digits)?),
            None => (unbracketed(value), default.port),
        };
        if !is_valid_host(host) {
            return Err(format!("`{host}` is neither an address nor a name"));
        }
        Ok(ListenAddress {
            host: host.to_owned(),
            port,
        })
    }

    /// Parses `OLLAMA_HOST` as `ollama serve` does: scheme and path do not matter, and no host is every interface, as is a wildcard
    /// of either family (Go binds both). The second value is a warning.
    ///
    /// The error completes a sentence that begins with the value.
    pub fn from_ollama_host(value: &str) -> Result<(ListenAddress, Option<String>), String> {
        let parsed = parse_ollama_host(value)?;
        let host = if matches!(&*parsed.host, "" | "0.0.0.0") {
            WILDCARD.to_owned()
        } else {
            parsed.host
        };
        if is_valid_host(&host) {
            Ok((
                ListenAddress {
                    host,
                    port: parsed.port,
                },
                parsed.warning,
            ))
        } else {
            Err(format!("has no usable host (`{host}`)"))
        }
    }

    /// The URL of a server that listens here; `None` for port 0.
    pub fn dial_target(&self) -> Option<Upstream> {
        let upstream = Upstream {
            scheme: Scheme::Http,
            host: dialable_host(&self.host),
            port: self.port,
            base_path: String::new(),
        };
        (self.port > 0).then_some(upstream)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}
