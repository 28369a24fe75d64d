//! Targets: what Go's net/url refuses in those of requests is refused, and everything else passes byte for byte.
//!
//! A target that only the next reader refuses would be an answer of his about a request that we counted as his.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::refusal::{Refusal, shown};

/// Judges `target`. Returns where in it the host is, if it names one.
pub(super) fn check(method: &[u8], target: &[u8]) -> Result<Option<Range<usize>>, Refusal> {
    let refuse = |what: &str, way_out: &str| {
        Refusal::framing(format!(
            "read request: target {} {what}; {way_out}",
            shown(target)
        ))
    };
    if target.iter().any(u8::is_ascii_control) {
        return Err(refuse(
            "has a control character",
            "write it as % and two hexadecimal digits",
        ));
    }
    if target == b"*" {
        return Ok(None);
    }
    // CONNECT names a host alone, which is read as if `http://` stood before it.
    let is_valid_host = method == b"CONNECT" && !target.starts_with(b"/");
    let scheme = if is_valid_host {
        Some(0)
    } else {
        scheme_end(target)
    };
    let rest = scheme.unwrap_or(0);
    let end = find(target, b'?').unwrap_or(target.len());
    let named = is_valid_host || (scheme.is_some() && target[rest..end].starts_with(b"//"));
    let (host, path) = match scheme {
        _ if named => {
            let start = if is_valid_host { 0 } else { rest + 2 };
            let stop = find(&target[start..end], b'/').map_or(end, |at| start + at);
            let strict = is_valid_host
                || target[..rest].eq_ignore_ascii_case(b"http:")
                || target[..rest].eq_ignore_ascii_case(b"https:");
            let host = host_in(&target[start..stop], strict)
                .ok_or_else(|| refuse("names no host", "a target is like /api/tags"))?;
            (Some(start + host.start..start + host.end), stop..end)
        }
        // What follows another scheme (`mailto:somebody`) is opaque.
        Some(_) if !target[rest..end].starts_with(b"/") => return Ok(None),
        None if !target.starts_with(b"/") => {
            return Err(refuse(
                "does not begin with a slash",
                "a target is like /api/tags",
            ));
        }
        _ => (None, rest..end),
    };
    if !escapes_are_whole(&target[path]) {
        return Err(refuse(
            "has a % without two hexadecimal digits behind it",
            "write a % itself as %25",
        ));
    }
    Ok(host)
}

/// Returns where the scheme that `target` begins with ends, its colon included.
fn scheme_end(target: &[u8]) -> Option<usize> {
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let end = target.iter().position(|b| !is_scheme(*b))?;
    (target[end] == b':' && target[0].is_ascii_alphabetic()).then_some(end + 1)
}

/// The host and port in an authority. `strict`: as in `http:`, where one colon at most stands in it.
fn host_in(authority: &[u8], strict: bool) -> Option<Range<usize>> {
    let start = authority
        .iter()
        .rposition(|b| *b == b'@')
        .map_or(0, |at| at + 1);
    let user = &authority[..start.saturating_sub(1)];
    let is_user = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
    let host = &authority[start..];
    let good = user.iter().all(is_user) && escapes_are_whole(user) && is_valid_host(host, strict);
    good.then_some(start..authority.len())
}

fn is_valid_host(host: &[u8], strict: bool) -> bool {
    let is_port = |text: &[u8]| {
        text.is_empty() || (text[0] == b':' && text[1..].iter().all(u8::is_ascii_digit))
    };
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
    let may = |code: u8| code == b'%' || code == b' ' || (code < 0x80 && may_stand_in_host(code));
    escapes_are_whole(zone) && escapes(zone).all(may) && zone.iter().all(|b| may_stand_in_host(*b))
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
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    let [high, low] = digits? else { return None };
    Some(digit(*high)? << 4 | digit(*low)?)
}

fn find(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|b| *b == byte)
}
