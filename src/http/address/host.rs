//! Hosts and ports as parts of an address.

use std::net::{IpAddr, Ipv4Addr};

/// `host:port`, `:port` or `[ipv6]:port`; `None` where there is no port, or more colons than one outside brackets.
pub fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => text.rsplit_once(':')?,
    };
    let bare_colons = !text.starts_with('[') && host.contains(':');
    let stray_brackets = host.contains(['[', ']']) || port.contains(['[', ']', ':']);
    (!bare_colons && !stray_brackets).then_some((host, port))
}

pub fn port(digits: &str) -> Result<u16, String> {
    digits
        .parse()
        .map_err(|_| format!("`{digits}` is not a port from 0 to 65535"))
}

pub fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
}

pub fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// What to dial for `host`.
pub fn dialable_host(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => dialable_ip(ip).to_string(),
        Err(_) if host.is_empty() => Ipv4Addr::LOCALHOST.to_string(),
        Err(_) => host.to_owned(),
    }
}

/// What to dial for an address that is listened on. A wildcard can be connected to on few systems; loopback is IPv4's, because that
/// of IPv6 is not there on every machine, and a wildcard of both families answers to it.
pub fn dialable_ip(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        ip
    }
}

/// An address, or a name of letters, digits, `-`, `.` and `_` (container names have it).
pub fn is_valid_host(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_name(host)
}

/// A name that looks like an address but is none (`1.2.3`, `1.2.3.400`) is a typing error, not a name.
fn is_name(host: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    host.len() <= 253
        && host.bytes().all(known)
        && host.bytes().any(|b| b.is_ascii_alphabetic())
        && !host.starts_with(['-', '.'])
}

pub fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => ip.to_canonical().is_loopback(),
        Ok(ip) => ip.is_loopback(),
        Err(_) => host.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
    }
}
