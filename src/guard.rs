//! Who may ask our own pages: the guard against DNS rebinding, by Ollama's own rules.

use std::net::{IpAddr, Ipv6Addr, TcpListener};

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
            return if self.bears(token) { Ok(()) } else { Err("the request does not bear the tap's token") };
        }
        if !self.peer.to_canonical().is_loopback() {
            Err("the request comes from another machine")
        } else if self.is_forwarded {
            Err("the request was forwarded by a proxy")
        } else if self.hosts.is_empty() || !self.hosts.iter().all(|host| names_loopback(host)) {
            Err("the Host header names no loopback address")
        } else if !self.origins.iter().all(|origin| self.is_own(origin)) {
            Err("the Origin header names another site")
        } else if !self.sites.iter().all(|site| ["same-origin", "none"].contains(site)) {
            Err("the Sec-Fetch-Site header names another site")
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

/// Whether a header of this name says that somebody passes a request on for somebody else. Beside the standard ones (RFC 7239,
/// RFC 9110 7.6.3) these are those of proxies, clouds and networks of caches.
pub fn is_of_a_proxy(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FORWARDED.contains(&&*name) || FORWARDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

const FORWARDED: [&str; 16] = [
    "forwarded",
    "forwarded-for",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-host",
    "x-proxyuser-ip",
    "x-azure-clientip",
    "x-appengine-user-ip",
    "true-client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "do-connecting-ip",
    "client-ip",
    "cdn-loop",
];

/// `x-forwarded` stands alone, too.
const FORWARDED_PREFIXES: [&str; 5] = ["x-forwarded", "x-original-forwarded", "cf-", "x-envoy-", "tailscale-"];

/// A name or address that means the asker's own machine, whoever asks.
fn names_loopback(host: &str) -> bool {
    let Some(name) = name_in(host) else { return false };
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    is_loopback || name == "localhost" || name.ends_with(".localhost")
}

fn is_local(host: &str, names: &[String]) -> bool {
    let Some(name) = name_in(host) else { return false };
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

/// The name or address in a `Host`, in lower case, without its port, brackets and the dot of the root; `None` where it is none
/// (RFC 9110 7.2), for two readers of such a value may see two names in it.
fn name_in(host: &str) -> Option<String> {
    let host = host.trim();
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address.parse::<Ipv6Addr>().map(|_| address).ok()?, port),
        None if host.parse::<Ipv6Addr>().is_ok() => (host, ""), // not quite a Host, but Ollama takes it
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    (is_port && is_name).then(|| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
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
            "localhost.",
            "localhost.:11434",
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

    #[test]
    fn what_two_readers_may_see_two_names_in_is_no_name() {
        for host in [
            "[::1].evil.com",
            "[::1]evil.com:1",
            "[127.0.0.1]evil.com",
            "[127.0.0.1]",
            "[localhost]",
            "localhost:evil.com",
            "localhost:80@evil.com",
            "localhost:80:90",
            "user@localhost",
            "evil.com/localhost",
            "localhost, evil.com",
            "localhost evil.com",
            "localhost#.evil.com",
            "[::1",
            "::1]",
            "localhost..",
            "evil.com\\.localhost",
        ] {
            assert!(!allowed(host), "{host}");
            assert!(Asker { hosts: &[host], ..HERE }.may_read(None).is_err(), "{host}");
        }
        for host in ["localhost.", "localhost.:80", "localhost:", "127.0.0.1:11434", "[::1]", "[::1]:80", "::1"] {
            assert!(allowed(host), "{host}");
            assert_eq!(Asker { hosts: &[host], ..HERE }.may_read(None), Ok(()), "{host}");
        }
    }

    const HERE: Asker = Asker {
        peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        hosts: &["localhost:11434"],
        origins: &[],
        sites: &[],
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
    fn a_browser_that_asks_for_another_site_does_not() {
        for (sites, may) in [
            (&["same-origin"][..], true),
            (&["none"], true),
            (&["cross-site"], false),
            (&["same-site"], false),
            (&["none", "cross-site"], false),
            (&["Same-Origin"], false),
            (&[""], false),
        ] {
            assert_eq!(Asker { sites, ..HERE }.may_read(None).is_ok(), may, "{sites:?}");
        }
    }

    #[test]
    fn every_header_that_proxies_add_tells_of_one() {
        for name in [
            "Via",
            "Forwarded",
            "X-Forwarded-For",
            "x-forwarded-proto",
            "X-FORWARDED-HOST",
            "X-Forwarded",
            "X-Real-IP",
            "CF-Connecting-IP",
            "True-Client-IP",
            "CF-Ray",
        ] {
            assert!(is_of_a_proxy(name), "{name}");
        }
        for name in ["Host", "User-Agent", "X-Request-Id", "X-OpenWebUI-User-Name", "Viable", "X-Forward"] {
            assert!(!is_of_a_proxy(name), "{name}");
        }
    }

    #[test]
    fn where_there_is_a_token_this_machine_needs_it_too() {
        assert!(HERE.may_read(Some("s3cret")).is_err());
        assert!(Asker { authorization: Some("Bearer guess"), ..HERE }.may_read(Some("s3cret")).is_err());
        assert_eq!(Asker { authorization: Some("Bearer s3cret"), ..HERE }.may_read(Some("s3cret")), Ok(()));
    }

    #[test]
    fn the_right_token_opens_it_to_anybody() {
        let far = Asker {
            peer: [10, 0, 0, 7].into(),
            hosts: &["tap.example"],
            origins: &["https://a"],
            sites: &["cross-site"],
            is_forwarded: true,
            ..HERE
        };
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
