//! Who may ask our own pages: the guard against DNS rebinding, by Ollama's own rules.

mod forwarded;
mod host;

use std::net::IpAddr;

use subtle::ConstantTimeEq;

pub use self::forwarded::is_of_a_proxy;
pub use self::host::hosts_are_allowed;
use self::host::names_loopback;

/// What of a request decides whether it may see the history.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub peer: IpAddr,
    /// Every `Host` that was sent, every `Origin` and every `Sec-Fetch-Site`: who comes after us may heed another one than the first.
    pub hosts: &'a [&'a str],
    pub origins: &'a [&'a str],
    /// What a browser says of the page that asks (W3C Fetch Metadata): also where it sends no `Origin`, as for an image.
    pub sites: &'a [&'a str],
    pub authorization: Option<&'a str>,
    /// A proxy says that it asks for somebody else.
    pub is_forwarded: bool,
}

impl Asker<'_> {
    /// Whether the asker may see the history (design.md section 2.7). Where there is a token, by that alone, for a proxy in front makes
    /// everybody look like this machine. Where there is none, from this machine itself, under a name that only ever means it, and not for
    /// a web page of somebody else's. `Err` says what was wrong.
    pub fn may_read(&self, token: Option<&str>) -> Result<(), &'static str> {
        if let Some(token) = token {
            return if self.bears(token) {
                Ok(())
            } else {
                Err("the request does not bear the tap's token")
            };
        }
        if !self.peer.to_canonical().is_loopback() {
            Err("the request comes from another machine")
        } else if self.is_forwarded {
            Err("the request was forwarded by a proxy")
        } else if self.hosts.is_empty() || !self.hosts.iter().all(|host| names_loopback(host)) {
            Err("the Host header names no loopback address")
        } else if !self.origins.iter().all(|origin| self.is_own(origin)) {
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

    fn bears(&self, token: &str) -> bool {
        let Some((scheme, given)) = self.authorization.and_then(|value| value.split_once(' '))
        else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer")
            && given.trim().as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Our own pages come from where the request goes.
    fn is_own(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|from| {
            self.hosts
                .iter()
                .all(|host| from.eq_ignore_ascii_case(host.trim()))
        })
    }
}

#[cfg(test)]
mod tests;
