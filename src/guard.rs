//! Who may ask our own pages: the guard against DNS rebinding, by Ollama's own rules.

use std::net::{IpAddr, TcpListener};

use subtle::ConstantTimeEq;

/// Suffixes of names that only ever mean this network (server/routes.go, allowedHost).
const LOCAL_SUFFIXES: [&str; 3] = [".localhost", ".local", ".internal"];

/// Whether a request with these `Host` headers, each of which counts, may see our pages. `listening` is our own address: beyond
/// loopback none is checked, as Ollama does, so that Prometheus may scrape by any name. `names` are this machine's own.
pub fn hosts_are_allowed<'a>(mut hosts: impl Iterator<Item = &'a str>, listening: IpAddr, names: &[String]) -> bool {
    !listening.to_canonical().is_loopback() || hosts.all(|host| is_local(host, names))
}

/// What of a request decides whether it may see the history.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub peer: IpAddr,
    /// Every `Host` that was sent, and every `Origin`: who comes after us may heed another one than the first.
    pub hosts: &'a [&'a str],
    pub origins: &'a [&'a str],
    pub authorization: Option<&'a str>,
    /// A proxy says that it asks for somebody else.
    pub is_forwarded: bool,
}

impl Asker<'_> {
    /// Whether the asker may see the history (design.md section 2.7): by the right token, or from this machine itself, under a
    /// name that only ever means it, and not for a web page of somebody else's. `Err` says what was wrong.
    pub fn may_read(&self, token: Option<&str>) -> Result<(), &'static str> {
        if token.is_some_and(|token| self.bears(token)) {
            Ok(())
        } else if !self.peer.to_canonical().is_loopback() {
            Err("the request comes from another machine")
        } else if self.is_forwarded {
            Err("the request was forwarded by a proxy")
        } else if self.hosts.is_empty() || !self.hosts.iter().all(|host| names_loopback(host)) {
            Err("the Host header names no loopback address")
        } else if !self.origins.iter().all(|origin| self.is_own(origin)) {
            Err("the Origin header names another site")
        } else {
            Ok(())
        }
    }

    fn bears(&self, token: &str) -> bool {
        let Some((scheme, given)) = self.authorization.and_then(|value| value.split_once(' ')) else { return false };
        scheme.eq_ignore_ascii_case("bearer") && given.trim().as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Our own pages come from where the request goes.
    fn is_own(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|from| self.hosts.iter().all(|host| from.eq_ignore_ascii_case(host.trim())))
    }
}

/// A name or address that means the asker's own machine, whoever asks.
fn names_loopback(host: &str) -> bool {
    let name = without_port(host.trim()).trim_end_matches('.').to_ascii_lowercase();
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    is_loopback || name == "localhost" || name.ends_with(".localhost")
}

fn is_local(host: &str, names: &[String]) -> bool {
    let name = without_port(host.trim()).to_ascii_lowercase();
    if let Ok(ip) = name.parse::<IpAddr>() {
        return is_own(ip.to_canonical());
    }
    name.is_empty() || name == "localhost" || names.contains(&name) || LOCAL_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// An address of this network, or one that this machine can bind because it is its own.
fn is_own(ip: IpAddr) -> bool {
    let near = match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unspecified(),
    };
    near || TcpListener::bind((ip, 0)).is_ok()
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    match host.rsplit_once(':') {
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(host: &str) -> bool {
        hosts_are_allowed([host].into_iter(), [127, 0, 0, 1].into(), &["mybox".into()])
    }

    #[test]
    fn names_and_addresses_of_this_network_pass() {
        for host in [
            "localhost",
            "LOCALHOST:11434",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]:8000",
            "::1",
            "10.0.0.7",
            "0.0.0.0:1",
            "mybox",
            "a.local",
            "x.localhost:1",
            "host.docker.internal",
            "",
        ] {
            assert!(allowed(host), "{host}");
        }
    }

    #[test]
    fn names_that_anybody_may_own_do_not() {
        for host in
            ["evil.example", "evil.example:11434", "8.8.8.8", "localhost.evil.example", "notlocal", "mybox.example", "[2001:db8::1]"]
        {
            assert!(!allowed(host), "{host}");
        }
    }

    const HERE: Asker = Asker {
        peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        hosts: &["localhost:11434"],
        origins: &[],
        authorization: None,
        is_forwarded: false,
    };

    #[test]
    fn this_machine_reads_the_history_by_a_name_that_means_it() {
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "127.9.9.9", "[::1]:8000", "tap.localhost", "[::ffff:127.0.0.1]"] {
            assert_eq!(Asker { hosts: &[host], ..HERE }.may_read(None), Ok(()), "{host}");
        }
        assert_eq!(Asker { peer: "::ffff:127.0.0.1".parse().unwrap(), ..HERE }.may_read(None), Ok(()));
        for host in ["evil.example:11434", "10.0.0.7", "mybox", "a.local", "0.0.0.0", "", "localhost.evil.example", "127.0.0.1.nip.io"] {
            assert!(Asker { hosts: &[host], ..HERE }.may_read(None).is_err(), "{host}");
        }
        assert!(Asker { hosts: &[], ..HERE }.may_read(None).is_err());
    }

    #[test]
    fn other_machines_proxies_and_other_sites_do_not() {
        assert!(Asker { peer: [10, 0, 0, 7].into(), ..HERE }.may_read(Some("t")).is_err());
        assert!(Asker { is_forwarded: true, ..HERE }.may_read(None).is_err());
        assert_eq!(Asker { origins: &["http://localhost:11434"], ..HERE }.may_read(None), Ok(()));
        for origin in ["http://evil.example", "null", "https://localhost:11434", "http://localhost:3000", "http://localhost", ""] {
            assert!(Asker { origins: &[origin], ..HERE }.may_read(None).is_err(), "{origin}");
        }
    }

    #[test]
    fn of_a_header_that_was_sent_twice_each_value_counts() {
        let own = "http://localhost:11434";
        for hosts in [["localhost:11434", "evil.example"], ["evil.example", "localhost:11434"]] {
            assert!(Asker { hosts: &hosts, ..HERE }.may_read(None).is_err(), "{hosts:?}");
            assert!(!hosts_are_allowed(hosts.into_iter(), [127, 0, 0, 1].into(), &[]), "{hosts:?}");
        }
        for origins in [[own, "http://evil.example"], ["http://evil.example", own]] {
            assert!(Asker { origins: &origins, ..HERE }.may_read(None).is_err(), "{origins:?}");
        }
        assert_eq!(Asker { hosts: &["localhost:11434"; 2], origins: &[own; 2], ..HERE }.may_read(None), Ok(()));
        assert!(Asker { hosts: &["localhost:11434", "127.0.0.1"], origins: &[own], ..HERE }.may_read(None).is_err());
    }

    #[test]
    fn the_right_token_opens_it_to_anybody() {
        let far = Asker { peer: [10, 0, 0, 7].into(), hosts: &["tap.example"], origins: &["https://a"], is_forwarded: true, ..HERE };
        for (given, right) in [
            ("Bearer s3cret", true),
            ("bearer  s3cret", true),
            ("Bearer s3cre", false),
            ("Basic s3cret", false),
            ("s3cret", false),
            ("Bearer ", false),
        ] {
            let asker = Asker { authorization: Some(given), ..far };
            assert_eq!(asker.may_read(Some("s3cret")).is_ok(), right, "{given}");
            assert!(asker.may_read(None).is_err());
        }
    }

    #[test]
    fn beyond_loopback_no_name_is_checked() {
        assert!(hosts_are_allowed(["ollama-tap:8000"].into_iter(), [0, 0, 0, 0].into(), &[]));
        assert!(hosts_are_allowed([].into_iter(), [127, 0, 0, 1].into(), &[]));
    }
}
