//! BUDGET: the memory that is shared by requests, responses and the texts that are kept of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most that the budget is (bytes), however much memory there is.
const BUDGET_MAX: u64 = 512 * 1024 * 1024;

/// Each connection may hold this much beside the budget (bytes), so that every client is answered even when it is full.
pub const UNBUDGETED: usize = 16 * 1024;

pub struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// A quarter of `memory`, that of the machine or of our part of it.
    pub fn of(memory: Option<u64>) -> Arc<Budget> {
        Budget::with(memory.map_or(BUDGET_MAX, |memory| BUDGET_MAX.min(memory / 4)) as usize)
    }

    /// Takes a part out for good, for a part of the tap with an account of its own: at most `most` bytes, and no more than a quarter. Returns its size.
    pub fn set_aside(&self, most: usize) -> usize {
        let part = most.min(self.left.load(Relaxed) / 4);
        if self.take(part) { part } else { 0 }
    }

    fn with(bytes: usize) -> Arc<Budget> {
        Arc::new(Budget {
            left: AtomicUsize::new(bytes),
        })
    }

    fn take(&self, bytes: usize) -> bool {
        self.left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes))
            .is_ok()
    }
}

/// A part of the budget, given back when dropped.
pub struct Reservation {
    budget: Arc<Budget>,
    taken: usize,
}

impl Reservation {
    pub fn new(budget: &Arc<Budget>) -> Reservation {
        Reservation {
            budget: budget.clone(),
            taken: 0,
        }
    }

    /// Resizes the reservation to `bytes`, of which `UNBUDGETED` need none. Returns false where the budget has no room.
    pub fn cover(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_sub(UNBUDGETED);
        if wanted < self.taken {
            self.budget.left.fetch_add(self.taken - wanted, Relaxed);
        } else if wanted > self.taken && !self.budget.take(wanted - self.taken) {
            return false;
        }
        self.taken = wanted;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.cover(0);
    }
}

/// Bytes in memory, counted in the budget as long as they are held.
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

    /// Appends `piece` of a body of which `announced` bytes are known to come; false where there is no room. A client that announces much and
    /// sends little gets little: room grows to twice what was there.
    pub fn push(&mut self, piece: &[u8], announced: Option<u64>) -> bool {
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            let roomy = needed.max(self.bytes.capacity() * 2);
            let room = announced.map_or(roomy, |announced| {
                roomy
                    .min(usize::try_from(announced).unwrap_or(usize::MAX))
                    .max(needed)
            });
            // Twice as much where there is room for it, else what is needed.
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

    /// Takes all of it out, which is counted no more.
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
            let left = Budget::of(memory.map(|memory: u64| memory * MIB))
                .left
                .load(Relaxed) as u64;
            assert_eq!(left, budget * MIB, "{memory:?}");
        }
    }

    #[test]
    fn what_is_held_beyond_the_free_part_is_taken_from_the_budget_and_given_back() {
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
    fn a_body_that_finds_no_room_keeps_what_it_has() {
        let budget = Budget::with(UNBUDGETED);
        let mut held = Buffer::new(&budget);
        assert!(held.push(&[1; UNBUDGETED], Some(u64::MAX)) && held.push(&[2; UNBUDGETED], None));
        assert!(!held.push(&[3], None));
        assert_eq!(
            (held.bytes().len(), held.bytes()[UNBUDGETED]),
            (2 * UNBUDGETED, 2)
        );
    }

    #[test]
    fn a_body_takes_no_more_than_it_announces() {
        let mut held = Buffer::new(&Budget::with(1 << 20));
        (0..10).for_each(|_| assert!(held.push(&[0; 10_000], Some(100_000))));
        assert_eq!(
            (held.bytes.capacity(), held.reservation.taken),
            (100_000, 100_000 - UNBUDGETED)
        );
    }
}
