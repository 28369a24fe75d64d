//! macOS and the other Unixes.

use prometheus::core::Collector;

/// poll has no word of its own for a peer that has closed its side only.
pub const MAY_HAVE_CLOSED: i16 = libc::POLLHUP;

pub fn peer_has_closed(_fd: i32) -> bool {
    true
}

/// The numbers that our open descriptors may have.
pub fn descriptors() -> Option<std::ops::Range<i32>> {
    Some(0..super::raise_descriptor_limit(0).min(1 << 16) as i32)
}

pub fn memory_bytes() -> Option<u64> {
    None
}

pub fn port_holder(_port: u16) -> Option<String> {
    None
}

pub fn process_collector() -> Option<Box<dyn Collector>> {
    None
}
