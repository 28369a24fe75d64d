//! Hop-by-hop headers, which belong to one connection and are not passed on (RFC 9110 section 7.6.1).

use std::cmp::Ordering;

use super::fields::Fields;

/// Headers that are never passed on. Transfer-Encoding is not among them: a body in chunks goes on in chunks.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// Headers that `Connection` cannot take away: without them a request would be another one.
const PROTECTED: [&str; 3] = ["host", "content-length", "transfer-encoding"];

/// The hop-by-hop headers of one head.
///
/// The names in `Connection` are stored as sorted offsets in the head: a head of a megabyte may name half a million
/// headers and have a quarter of a million.
pub(super) struct HopByHop<'a> {
    head: &'a [u8],
    named: Vec<u32>,
}

impl<'a> HopByHop<'a> {
    /// `fields` are those of `head`.
    pub(super) fn among(head: &'a [u8], fields: Fields<'a>) -> HopByHop<'a> {
        let names = fields
            .filter(|field| field.is("connection"))
            .flat_map(|field| field.members())
            .filter(|name| is_removable(name));
        let mut named: Vec<u32> = names.filter_map(|name| offset_in(head, name)).collect();
        named.sort_unstable_by(|a, b| compare(name_at(head, *a), name_at(head, *b)));
        HopByHop { head, named }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        is_among(&HOP_BY_HOP, name.as_bytes())
            || self
                .named
                .binary_search_by(|at| compare(name_at(self.head, *at), name.as_bytes()))
                .is_ok()
    }
}

/// Returns whether a `Connection` that names `name` removes a header that is not removed anyway.
fn is_removable(name: &[u8]) -> bool {
    !name.is_empty()
        && !is_among(&["close"], name)
        && !is_among(&HOP_BY_HOP, name)
        && !is_among(&PROTECTED, name)
}

fn is_among(names: &[&str], name: &[u8]) -> bool {
    names
        .iter()
        .any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Returns the offset of `name`, which is a part of `head`, in it.
fn offset_in(head: &[u8], name: &[u8]) -> Option<u32> {
    u32::try_from(name.as_ptr().addr().checked_sub(head.as_ptr().addr())?).ok()
}

fn name_at(head: &[u8], at: u32) -> &[u8] {
    let rest = usize::try_from(at)
        .ok()
        .and_then(|at| head.get(at..))
        .unwrap_or_default();
    let end = rest.iter().position(|b| matches!(b, b',' | b'\r'));
    rest[..end.unwrap_or(rest.len())].trim_ascii_end()
}

/// Compares names without regard to case.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    a.iter()
        .map(u8::to_ascii_lowercase)
        .cmp(b.iter().map(u8::to_ascii_lowercase))
}
