//! Addresses as people type them: where Ollama is (`Upstream`), where we listen (`Listen`). Pure; nothing is resolved here.
//!
//! An upstream is read by Ollama's own rules for `OLLAMA_HOST`, so that a value which works for Ollama's clients works here
//! and means the same. A listening address has no scheme and is ours to define.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The port that Ollama takes where an address has neither scheme nor port.
pub const OLLAMA_PORT: u16 = 11434;

/// The wildcard of both families, IPv4 and IPv6.
const EVERY_INTERFACE: &str = "::";

/// Where a tap listens that leaves Ollama its port.
pub const PORT_BESIDE_OLLAMA: u16 = 8000;

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
    /// Reads what `OLLAMA_HOST` may hold. A port that is none becomes the scheme's default, as in Ollama; the second value
    /// then says so. A wildcard, which only a listener can mean, is dialled as loopback.
    ///
    /// The error completes a sentence that begins with the value.
    pub fn parse(value: &str) -> Result<(Upstream, Option<String>), String> {
        let read = read_ollama_host(value)?;
        let host = dialled(&read.host);
        if !is_host(&host) {
            return Err(format!("has no usable host (`{host}`)"));
        }
        if read.port == 0 {
            return Err("has port 0, where nothing can be reached".to_owned());
        }
        let path = read.path.trim_end_matches('/');
        if path.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#')) {
            return Err(format!("has a path that is none (`/{path}`)"));
        }
        let base_path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok((Upstream { scheme: read.scheme, host, port: read.port, base_path }, read.warning))
    }

    /// A port of this machine.
    pub fn here(port: u16) -> Upstream {
        Upstream::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Whether requests stay on this machine.
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

    /// The value of a `Host` header: the port is left out where the scheme says it.
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
    /// Where Ollama is when nobody says otherwise.
    fn default() -> Self {
        Upstream { scheme: Scheme::Http, host: "localhost".to_owned(), port: OLLAMA_PORT, base_path: String::new() }
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Upstream {
        Upstream { scheme: Scheme::Http, host: address.ip().to_string(), port: address.port(), base_path: String::new() }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.base_path)
    }
}

/// Where we listen. Port 0 lets the system choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
}

impl Listen {
    /// The forms that `parse` takes, for messages.
    pub const FORMS: &str = "HOST:PORT, HOST, :PORT (every interface), PORT, or [IPV6]:PORT";

    /// Where Ollama's clients look for it: 127.0.0.1:11434.
    pub fn in_ollamas_place() -> Listen {
        Listen { host: "127.0.0.1".to_owned(), port: OLLAMA_PORT }
    }

    /// Every interface, because its Ollama has the port that clients know: [::]:8000.
    pub fn beside_ollama() -> Listen {
        Listen { host: EVERY_INTERFACE.to_owned(), port: PORT_BESIDE_OLLAMA }
    }

    /// Reads one of `FORMS`. What is missing comes from `default`; `:PORT` is every interface, `0.0.0.0:PORT` every one of IPv4.
    pub fn parse(value: &str, default: &Listen) -> Result<Listen, String> {
        if value.contains('@') {
            return Err("nobody logs in where we listen".to_owned());
        }
        if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Listen { host: default.host.clone(), port: port(value)? });
        }
        let (host, port) = match split_host_port(value) {
            Some(("", digits)) => (EVERY_INTERFACE, port(digits)?),
            Some((host, digits)) => (host, port(digits)?),
            None => (unbracketed(value), default.port),
        };
        if !is_host(host) {
            return Err(format!("`{host}` is neither an address nor a name"));
        }
        Ok(Listen { host: host.to_owned(), port })
    }

    /// Reads `OLLAMA_HOST` as `ollama serve` does: scheme and path do not matter, and no host is every interface, as is a wildcard
    /// of either family (Go binds both). The second value says what is odd about it.
    ///
    /// The error completes a sentence that begins with the value.
    pub fn of_ollama(value: &str) -> Result<(Listen, Option<String>), String> {
        let read = read_ollama_host(value)?;
        let host = if matches!(&*read.host, "" | "0.0.0.0") { EVERY_INTERFACE.to_owned() } else { read.host };
        if is_host(&host) { Ok((Listen { host, port: read.port }, read.warning)) } else { Err(format!("has no usable host (`{host}`)")) }
    }

    /// Where to reach what listens here; `None` for port 0.
    pub fn dialled(&self) -> Option<Upstream> {
        let reached = Upstream { scheme: Scheme::Http, host: dialled(&self.host), port: self.port, base_path: String::new() };
        (self.port > 0).then_some(reached)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}

/// A value of `OLLAMA_HOST`, taken apart as Ollama does it (its `envconfig.Host`).
#[derive(Debug, PartialEq)]
struct OllamaHost {
    scheme: Scheme,
    /// Empty for `:1234`: every interface.
    host: String,
    port: u16,
    path: String,
    warning: Option<String>,
}

/// An address is shown in messages, pages and the list of processes.
const HOLDS_USER: &str = "holds a user or a password, which is no place for them: clients send their own Authorization, and it passes";

fn read_ollama_host(value: &str) -> Result<OllamaHost, String> {
    let value = value.trim().trim_matches(['"', '\'']).trim();
    let (scheme, default_port, rest) = match value.split_once("://") {
        None if value == "ollama.com" => (Scheme::Https, 443, value),
        None => (Scheme::Http, OLLAMA_PORT, value),
        Some((s, rest)) if s.eq_ignore_ascii_case("http") => (Scheme::Http, 80, rest),
        Some((s, rest)) if s.eq_ignore_ascii_case("https") => (Scheme::Https, 443, rest),
        Some((s, _)) => return Err(format!("has the scheme `{s}`, which is neither http nor https")),
    };
    if rest.contains('@') {
        return Err(HOLDS_USER.to_owned());
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port, warning) = match split_host_port(authority) {
        Some((host, digits)) => match port(digits) {
            Ok(port) => (host, port, None),
            Err(why) => (host, default_port, Some(format!("{why}; {default_port} is used"))),
        },
        None if authority.is_empty() => ("127.0.0.1", default_port, None),
        None => (unbracketed(authority), default_port, None),
    };
    Ok(OllamaHost { scheme, host: host.to_owned(), port, path: path.to_owned(), warning })
}

/// `host:port`, `:port` or `[ipv6]:port`; `None` where there is no port, or more colons than one outside brackets.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => text.rsplit_once(':')?,
    };
    let bare_colons = !text.starts_with('[') && host.contains(':');
    let stray_brackets = host.contains(['[', ']']) || port.contains(['[', ']', ':']);
    (!bare_colons && !stray_brackets).then_some((host, port))
}

fn port(digits: &str) -> Result<u16, String> {
    digits.parse().map_err(|_| format!("`{digits}` is no port from 0 to 65535"))
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// What to dial for `host`.
fn dialled(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => dialled_ip(ip).to_string(),
        Err(_) if host.is_empty() => Ipv4Addr::LOCALHOST.to_string(),
        Err(_) => host.to_owned(),
    }
}

/// What to dial for an address that is listened on. A wildcard can be connected to on few systems; loopback is IPv4's, because that
/// of IPv6 is not there on every machine, and a wildcard of both families answers to it.
pub fn dialled_ip(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { ip }
}

/// An address, or a name of letters, digits, `-`, `.` and `_` (container names have it).
fn is_host(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_name(host)
}

/// A name that looks like an address but is none (`1.2.3`, `1.2.3.400`) is a typing error, not a name.
fn is_name(host: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    host.len() <= 253 && host.bytes().all(known) && host.bytes().any(|b| b.is_ascii_alphabetic()) && !host.starts_with(['-', '.'])
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => ip.to_canonical().is_loopback(),
        Ok(ip) => ip.is_loopback(),
        Err(_) => host.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests;
