//! Who may ask our own pages: the guard against DNS rebinding, by Ollama's own rules.

use std::net::{IpAddr, UdpSocket};

/// Suffixes of names that only ever mean this network (server/routes.go, allowedHost).
const LOCAL_SUFFIXES: [&str; 3] = [".localhost", ".local", ".internal"];

/// Whether a request with this `Host` may see our pages. `listening` is our own address: beyond loopback none is checked,
/// as Ollama does, so that Prometheus may scrape by any name. `names` are this machine's own.
pub fn host_is_allowed(host: Option<&str>, listening: IpAddr, names: &[String]) -> bool {
    !listening.to_canonical().is_loopback() || is_local(host.unwrap_or_default(), names)
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
    near || UdpSocket::bind((ip, 0)).is_ok()
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
        host_is_allowed(Some(host), [127, 0, 0, 1].into(), &["mybox".into()])
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

    #[test]
    fn beyond_loopback_no_name_is_checked() {
        assert!(host_is_allowed(Some("ollama-tap:8000"), [0, 0, 0, 0].into(), &[]));
        assert!(host_is_allowed(None, [127, 0, 0, 1].into(), &[]));
    }
}
