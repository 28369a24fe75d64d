//! ACCESS to our own pages: the guard against DNS rebinding, by Ollama's own rules, and against other readers of the history.

mod forwarded;
mod host;

use std::net::IpAddr;

use subtle::ConstantTimeEq;

pub use self::forwarded::is_of_a_proxy;
pub use self::host::hosts_are_allowed;
use self::host::names_loopback;

/// The request has a token, and not the tap's.
pub const WRONG_TOKEN: &str = "the token of the request is not the tap's";

/// The tap has a token, and the request has none.
pub const NO_TOKEN: &str = "the request does not carry the tap's token";

/// The properties of a request that decide whether it may see the history.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'a> {
    pub peer: IpAddr,
    /// Every `Host`, `Origin` and `Sec-Fetch-Site` of the request: a later reader may use another one than the first.
    pub hosts: &'a [&'a str],
    pub origins: &'a [&'a str],
    /// The relation of the requesting page to us (W3C Fetch Metadata), which browsers also send without an `Origin`, as for an image.
    pub sites: &'a [&'a str],
    pub authorization: Option<&'a str>,
    /// A proxy has forwarded the request for another client.
    pub is_forwarded: bool,
}

impl AccessRequest<'_> {
    /// Checks that the request may see the history. With a token, it alone decides, since behind a proxy every client looks
    /// like this machine. Without one, the request must come from this machine itself, under a name that only ever means it, and not from
    /// a page of another site. The error says what was wrong.
    pub fn check_access(&self, token: Option<&str>) -> Result<(), &'static str> {
        if let Some(token) = token {
            return match self.given_token() {
                Some(given) if given.as_bytes().ct_eq(token.as_bytes()).into() => Ok(()),
                Some(_) => Err(WRONG_TOKEN),
                None => Err(NO_TOKEN),
            };
        }
        if !self.peer.to_canonical().is_loopback() {
            Err("the request comes from another machine")
        } else if self.is_forwarded {
            Err("the request was forwarded by a proxy")
        } else if self.hosts.is_empty() || !self.hosts.iter().all(|host| names_loopback(host)) {
            Err("the Host header names no loopback address")
        } else if !self
            .origins
            .iter()
            .all(|origin| self.is_same_origin(origin))
        {
            Err("the Origin header names another site")
        } else if !self
            .sites
            .iter()
            .all(|site| ["same-origin", "none"].contains(site))
        {
            Err("the Sec-Fetch-Site header names another site")
        } else {
            Ok(())
        }
    }

    fn given_token(&self) -> Option<&str> {
        let (scheme, given) = self.authorization?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| given.trim())
    }

    /// Returns whether the requesting page has the origin of the request.
    fn is_same_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|from| {
            self.hosts
                .iter()
                .all(|host| from.eq_ignore_ascii_case(host.trim()))
        })
    }
}

#[cfg(test)]
mod tests;
