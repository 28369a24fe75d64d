//! The one thing in tiny_http that can kill a process, and how it is kept from doing so.

use std::io::Read;

/// Tells the unread body behind `reader`, whatever length it was announced with, that `told` bytes of it are still to come.
///
/// When an unread body ends or is dropped, tiny_http 0.12 runs `vec![0; remaining]` (util/equal_reader.rs), and a length that no
/// memory holds aborts the process. `remaining` lies in the body's own memory as a plain number, and it is exactly
/// `owed` as long as we counted right; so if one word alone of that memory holds `owed`, it is that number. Where another word
/// happens to hold the same value, nothing is touched and the answer is false: the caller must then never drop the body.
///
/// `reader` must be what `Request::as_reader` gave: a `&mut Box<dyn Read + Send>` behind `&mut dyn Read` (request.rs).
pub fn tell_owed(reader: &mut dyn Read, owed: u64, told: u64) -> bool {
    let (Ok(owed), Ok(told)) = (usize::try_from(owed), usize::try_from(told)) else { return false };
    if size_of_val(reader) != size_of::<Box<dyn Read + Send>>() {
        return false;
    }
    // SAFETY: the size says that this is tiny_http's box (Cargo.toml pins the version whose source says so).
    let body: &mut Box<dyn Read + Send> = unsafe { &mut *(&raw mut *reader).cast() };
    let words = size_of_val(&**body) / size_of::<usize>();
    let start = (&raw mut **body).cast::<usize>();
    // SAFETY: `start` is aligned for usize (the body holds one) and `words` stay inside the body, which we hold
    // exclusively. Volatile, since some of its bytes may be padding.
    let holds_owed = |at: &usize| unsafe { start.add(*at).read_volatile() } == owed;
    let mut found = (0..words).filter(holds_owed);
    match (found.next(), found.next()) {
        // SAFETY: the same word, for which every number is valid.
        (Some(at), None) => unsafe { start.add(at).write_volatile(told) },
        _ => return false,
    }
    true
}
