//! Names and addresses in `Host` that mean this machine or its network.

use std::net::{IpAddr, Ipv6Addr, TcpListener};

/// Suffixes of names that only ever mean this network (server/routes.go, allowedHost).
const LOCAL_SUFFIXES: [&str; 3] = [".localhost", ".local", ".internal"];

/// Returns whether a request with these `Host` headers, each of which counts, may see our pages. `listening` is our own address: beyond
/// loopback none is checked, as Ollama does, so that Prometheus may scrape by any name. `names` are this machine's own.
pub fn hosts_are_allowed<'a>(
    mut hosts: impl Iterator<Item = &'a str>,
    listening: IpAddr,
    names: &[String],
) -> bool {
    !listening.to_canonical().is_loopback() || hosts.all(|host| is_local(host, names))
}

/// Returns whether a name or address means the machine of the client.
pub(super) fn names_loopback(host: &str) -> bool {
    let Some(name) = name_in(host) else {
        return false;
    };
    let is_loopback = name
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.to_canonical().is_loopback());
    is_loopback || name == "localhost" || name.ends_with(".localhost")
}

fn is_local(host: &str, names: &[String]) -> bool {
    let Some(name) = name_in(host) else {
        return false;
    };
    if let Ok(ip) = name.parse::<IpAddr>() {
        return is_own_address(ip.to_canonical());
    }
    name.is_empty()
        || name == "localhost"
        || names.contains(&name)
        || LOCAL_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Returns whether an address belongs to this network, or to this machine, which can then bind it.
fn is_own_address(ip: IpAddr) -> bool {
    let near = match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unspecified(),
    };
    near || TcpListener::bind((ip, 0)).is_ok()
}

/// The name or address in a `Host`, in lower case, without its port, brackets and the dot of the root; `None` if it is invalid
/// (RFC 9110 7.2), since two readers of such a value may see two names in it.
fn name_in(host: &str) -> Option<String> {
    let host = host.trim();
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address.parse::<Ipv6Addr>().map(|_| address).ok()?, port),
        None if host.parse::<Ipv6Addr>().is_ok() => (host, ""), // not quite a Host, but Ollama takes it
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let is_name = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    (is_port && is_name).then(|| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}
