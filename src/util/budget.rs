//! BUDGET: the memory shared by requests, responses and their recorded texts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The upper bound of the budget (bytes), however much memory there is.
const BUDGET_MAX: u64 = 512 * 1024 * 1024;

/// Each connection may hold this much beside the budget (bytes), so that every client is answered even when it is full.
pub const UNBUDGETED: usize = 16 * 1024;

pub struct Budget {
    free: AtomicUsize,
}

impl Budget {
    /// The budget for `memory`, that of the machine or the cgroup: a quarter of it.
    pub fn of(memory: Option<u64>) -> Arc<Budget> {
        Budget::with(memory.map_or(BUDGET_MAX, |memory| BUDGET_MAX.min(memory / 4)) as usize)
    }

    /// Takes a share for good, for a part of the tap with its own accounting: at most `most` bytes, and no more than a quarter. Returns its
    /// size.
    pub fn set_aside(&self, most: usize) -> usize {
        let part = most.min(self.free.load(Relaxed) / 4);
        if self.take(part) { part } else { 0 }
    }

    fn with(bytes: usize) -> Arc<Budget> {
        Arc::new(Budget {
            free: AtomicUsize::new(bytes),
        })
    }

    fn take(&self, bytes: usize) -> bool {
        self.free
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes))
            .is_ok()
    }
}

/// A part of the budget, given back when dropped.
pub struct Reservation {
    budget: Arc<Budget>,
    reserved: usize,
}

impl Reservation {
    pub fn new(budget: &Arc<Budget>) -> Reservation {
        Reservation {
            budget: budget.clone(),
            reserved: 0,
        }
    }

    /// Resizes the reservation to `bytes`, of which `UNBUDGETED` need none. Returns false if the budget has no room.
    pub fn cover(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_sub(UNBUDGETED);
        if wanted < self.reserved {
            self.budget.free.fetch_add(self.reserved - wanted, Relaxed);
        } else if wanted > self.reserved && !self.budget.take(wanted - self.reserved) {
            return false;
        }
        self.reserved = wanted;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.cover(0);
    }
}

/// Bytes in memory, counted in the budget as long as they are buffer.
pub struct Buffer {
    bytes: Vec<u8>,
    reservation: Reservation,
}

impl Buffer {
    pub fn new(budget: &Arc<Budget>) -> Buffer {
        Buffer {
            bytes: Vec::new(),
            reservation: Reservation::new(budget),
        }
    }

    /// Appends `piece` of a body of `announced` bytes, if that is known. Returns false if there is no room. A client that announces much
    /// and sends little gets little: the capacity doubles at most.
    pub fn push(&mut self, piece: &[u8], announced: Option<u64>) -> bool {
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            let roomy = needed.max(self.bytes.capacity() * 2);
            let room = announced.map_or(roomy, |announced| {
                roomy
                    .min(usize::try_from(announced).unwrap_or(usize::MAX))
                    .max(needed)
            });
            // Twice as much if there is room for it, else the least.
            let room = if self.reservation.cover(room) {
                room
            } else {
                needed
            };
            if !self.reservation.cover(room) {
                return false;
            }
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        true
    }

    /// Takes all bytes out of the buffer and of the budget.
    pub fn take(&mut self) -> Vec<u8> {
        self.reservation.cover(0);
        std::mem::take(&mut self.bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_quarter_of_the_memory_and_never_more_than_its_bound() {
        const MIB: u64 = 1024 * 1024;
        for (memory, budget) in [
            (Some(512), 128),
            (Some(1024), 256),
            (Some(2048), 512),
            (Some(65_536), 512),
            (None, 512),
        ] {
            let free = Budget::of(memory.map(|memory: u64| memory * MIB))
                .free
                .load(Relaxed) as u64;
            assert_eq!(free, budget * MIB, "{memory:?}");
        }
    }

    #[test]
    fn bytes_beyond_the_free_part_are_taken_from_the_budget_and_given_back() {
        let budget = Budget::with(100);
        let mut one = Reservation::new(&budget);
        assert!(
            one.cover(UNBUDGETED) && one.cover(UNBUDGETED + 100) && !one.cover(UNBUDGETED + 101)
        );
        let mut other = Reservation::new(&budget);
        assert!(other.cover(UNBUDGETED) && !other.cover(UNBUDGETED + 1));
        drop(one);
        assert!(other.cover(UNBUDGETED + 100));
        assert!(other.cover(0) && budget.take(100));
    }

    #[test]
    fn a_body_without_room_for_more_keeps_its_bytes() {
        let budget = Budget::with(UNBUDGETED);
        let mut buffer = Buffer::new(&budget);
        assert!(
            buffer.push(&[1; UNBUDGETED], Some(u64::MAX)) && buffer.push(&[2; UNBUDGETED], None)
        );
        assert!(!buffer.push(&[3], None));
        assert_eq!(
            (buffer.bytes().len(), buffer.bytes()[UNBUDGETED]),
            (2 * UNBUDGETED, 2)
        );
    }

    #[test]
    fn a_body_takes_no_more_than_it_announces() {
        let mut buffer = Buffer::new(&Budget::with(1 << 20));
        for _ in 0..10 {
            assert!(buffer.push(&[0; 10_000], Some(100_000)));
        }
        assert_eq!(
            (buffer.bytes.capacity(), buffer.reservation.reserved),
            (100_000, 100_000 - UNBUDGETED)
        );
    }
}
