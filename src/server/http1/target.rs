//! Request targets: those that Go's net/url refuses are refused, and all others pass byte for byte.
//!
//! If Ollama alone refused a target, we would count its answer as one to a request that it never served.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::refusal::{Refusal, shown};

/// Checks `target`. Returns the range of the host in it, if it names one.
pub(super) fn check(method: &[u8], target: &[u8]) -> Result<Option<Range<usize>>, Refusal> {
    if target.iter().any(u8::is_ascii_control) {
        return Err(refusal(
            target,
            "has a control character",
            "write it as % and two hexadecimal digits",
        ));
    }
    if target == b"*" {
        return Ok(None);
    }
    // CONNECT names a host alone, which is read as if `http://` stood before it.
    let is_authority = method == b"CONNECT" && !target.starts_with(b"/");
    let scheme = if is_authority {
        Some(0)
    } else {
        scheme_end(target)
    };
    let rest = scheme.unwrap_or(0);
    let end = find(target, b'?').unwrap_or(target.len());
    let named = is_authority || (scheme.is_some() && target[rest..end].starts_with(b"//"));
    let (host, path) = match scheme {
        _ if named => {
            let start = if is_authority { 0 } else { rest + 2 };
            let stop = find(&target[start..end], b'/').map_or(end, |at| start + at);
            let strict = is_authority
                || target[..rest].eq_ignore_ascii_case(b"http:")
                || target[..rest].eq_ignore_ascii_case(b"https:");
            let host = host_in(&target[start..stop], strict)
                .ok_or_else(|| refusal(target, "names no host", "a target is like /api/tags"))?;
            (Some(start + host.start..start + host.end), stop..end)
        }
        // The rest after another scheme (`mailto:name`) is opaque.
        Some(_) if !target[rest..end].starts_with(b"/") => return Ok(None),
        None if !target.starts_with(b"/") => {
            return Err(refusal(
                target,
                "does not begin with a slash",
                "a target is like /api/tags",
            ));
        }
        _ => (None, rest..end),
    };
    if !escapes_are_whole(&target[path]) {
        return Err(refusal(
            target,
            "has a % without two hexadecimal digits behind it",
            "write a % itself as %25",
        ));
    }
    Ok(host)
}

fn refusal(target: &[u8], what: &str, way_out: &str) -> Refusal {
    Refusal::framing(format!(
        "read request: target {} {what}; {way_out}",
        shown(target)
    ))
}

/// Returns the end of the scheme that `target` begins with, its colon included.
fn scheme_end(target: &[u8]) -> Option<usize> {
    let end = target
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && !b"+-.".contains(b))?;
    (target[end] == b':' && target[0].is_ascii_alphabetic()).then_some(end + 1)
}

/// The range of host and port in an authority. `strict`: with at most one colon, as for `http:`.
fn host_in(authority: &[u8], strict: bool) -> Option<Range<usize>> {
    let start = authority
        .iter()
        .rposition(|b| *b == b'@')
        .map_or(0, |at| at + 1);
    let user = &authority[..start.saturating_sub(1)];
    let host = &authority[start..];
    (is_valid_user(user) && is_valid_host(host, strict)).then_some(start..authority.len())
}

fn is_valid_user(user: &[u8]) -> bool {
    escapes_are_whole(user)
        && user
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b))
}

/// Returns whether `text` is empty or a colon and a port.
fn is_port(text: &[u8]) -> bool {
    text.is_empty() || (text[0] == b':' && text[1..].iter().all(u8::is_ascii_digit))
}

fn is_valid_host(host: &[u8], strict: bool) -> bool {
    if let Some(open) = host.iter().rposition(|b| *b == b'[') {
        let Some(close) = host.iter().rposition(|b| *b == b']') else {
            return false;
        };
        return open == 0 && is_port(&host[close + 1..]) && is_ipv6(&host[1..close]);
    }
    let colon = if strict {
        find(host, b':')
    } else {
        host.iter().rposition(|b| *b == b':')
    };
    colon.is_none_or(|at| is_port(&host[at..])) && is_host_name(host)
}

/// An address, with or without a zone, whose `%` is written `%25`.
fn is_ipv6(text: &[u8]) -> bool {
    let zone = text.windows(3).position(|w| w == b"%25");
    let address = std::str::from_utf8(&text[..zone.unwrap_or(text.len())]).unwrap_or_default();
    let zone_is_good = zone.is_none_or(|at| at + 3 < text.len() && is_zone(&text[at + 3..]));
    address.parse::<Ipv6Addr>().is_ok() && zone_is_good
}

/// Allows in a name unescaped what a name may hold; escaped, only what is beyond ASCII, and the `%` itself.
fn is_host_name(name: &[u8]) -> bool {
    escapes_are_whole(name)
        && escapes(name).all(|code| code >= 0x80 || code == b'%')
        && name.iter().all(|b| may_stand_in_host(*b))
}

fn is_zone(zone: &[u8]) -> bool {
    escapes_are_whole(zone)
        && escapes(zone)
            .all(|code| b"% ".contains(&code) || (code < 0x80 && may_stand_in_host(code)))
        && zone.iter().all(|b| may_stand_in_host(*b))
}

fn may_stand_in_host(byte: u8) -> bool {
    byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"%".contains(&byte)
}

fn escapes_are_whole(text: &[u8]) -> bool {
    (0..text.len())
        .filter(|at| text[*at] == b'%')
        .all(|at| code_of(text.get(at + 1..at + 3)).is_some())
}

/// The bytes that the escapes in `text` stand for.
fn escapes(text: &[u8]) -> impl Iterator<Item = u8> {
    (0..text.len())
        .filter(|at| text[*at] == b'%')
        .filter_map(|at| code_of(text.get(at + 1..at + 3)))
}

fn code_of(digits: Option<&[u8]>) -> Option<u8> {
    let [high, low] = digits? else { return None };
    Some(digit(*high)? << 4 | digit(*low)?)
}

fn digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

fn find(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|b| *b == byte)
}
