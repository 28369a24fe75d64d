//! Hosts and ports as parts of an address.

use std::net::{IpAddr, Ipv4Addr};

/// Splits `host:port`, `:port` or `[ipv6]:port`; `None` without a port, or with more than one colon outside brackets.
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

/// The host to dial for `host`, which may be empty or a wildcard.
pub fn dialable_host(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => dialable_ip(ip).to_string(),
        Err(_) if host.is_empty() => Ipv4Addr::LOCALHOST.to_string(),
        Err(_) => host.to_owned(),
    }
}

/// The address to dial for a listening address. Few systems can connect to a wildcard, so loopback replaces it: that of IPv4, because
/// not every machine has the IPv6 one, and a wildcard of both families accepts it.
pub fn dialable_ip(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        ip
    }
}

/// Returns whether `host` is an address, or a name of letters, digits, `-`, `.` and `_` (which container names have).
pub fn is_valid_host(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_name(host)
}

/// Returns whether `host` is a name. One without a letter (`1.2.3`, `1.2.3.400`) is a mistyped address.
fn is_name(host: &str) -> bool {
    host.len() <= 253
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
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
