//! The address of Ollama.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use super::host::{bracketed, dialable_host, is_loopback, is_valid_host};
use super::ollama_host::parse_ollama_host;

/// The port of an address without scheme and port.
pub const OLLAMA_PORT: u16 = 11434;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// The Ollama (or anything that speaks like one) to which requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub scheme: Scheme,
    /// A name or an address to dial, never a wildcard; IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// Put in front of every path: empty, or `/ollama` with no slash at the end.
    pub base_path: String,
}

impl Upstream {
    /// Parses a value of `OLLAMA_HOST`. An invalid port becomes the default of the scheme, as in Ollama, with a warning as the second
    /// value. A wildcard, which makes sense only for listening, is dialled as loopback.
    ///
    /// The error completes a sentence that begins with the value.
    pub fn parse(value: &str) -> Result<(Upstream, Option<String>), String> {
        let parsed = parse_ollama_host(value)?;
        let host = dialable_host(&parsed.host);
        if !is_valid_host(&host) {
            return Err(format!("has no usable host (`{host}`)"));
        }
        if parsed.port == 0 {
            return Err("has port 0, where nothing can be reached".to_owned());
        }
        let path = parsed.path.trim_end_matches('/');
        if path.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#')) {
            return Err(format!("has an invalid path (`/{path}`)"));
        }
        let base_path = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        Ok((
            Upstream {
                scheme: parsed.scheme,
                host,
                port: parsed.port,
                base_path,
            },
            parsed.warning,
        ))
    }

    /// A port of this machine.
    pub fn loopback(port: u16) -> Upstream {
        Upstream::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Returns whether requests stay on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The URL without its path.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority())
    }

    /// The value of a `Host` header: without the default port of the scheme.
    pub fn host_header(&self) -> String {
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => bracketed(&self.host),
            _ => self.authority(),
        }
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("{}:{}", bracketed(&self.host), self.port)
    }
}

impl Default for Upstream {
    /// The default address of Ollama.
    fn default() -> Self {
        Upstream {
            scheme: Scheme::Http,
            host: "localhost".to_owned(),
            port: OLLAMA_PORT,
            base_path: String::new(),
        }
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Upstream {
        Upstream {
            scheme: Scheme::Http,
            host: address.ip().to_string(),
            port: address.port(),
            base_path: String::new(),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.scheme.as_str(),
            self.authority(),
            self.base_path
        )
    }
}
