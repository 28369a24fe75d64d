//! REACTOR: the connections that no thread works on, each watched by the poller until its next event.
//!
//! A thread that works on a connection takes it out first, and registers it again when it is done. Only the event loop receives events.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use polling::{Event, Poller};

use super::connection::{Connection, DeliveryRate};
use super::request_reader::RequestReader;
use crate::server::response::Persistence;
use crate::util::budget::Reservation;
use crate::util::threads::lock;

/// All deadlines are checked at most this often.
const DEADLINE_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The first key of a connection in the poller; those below belong to listeners.
pub const FIRST_KEY: usize = 8;

/// Bits of a key for the slot; those above are the generation of the slot, which tells its successive connections apart.
const SLOT_BITS: u32 = 20;

/// A connection in the reactor, by what it waits for.
pub enum ConnectionState {
    /// For the next request, none of which has come.
    Idle(Connection),
    /// For the rest of a request.
    Reading(Connection, RequestReader),
    /// For room to send the rest of a finished response.
    Sending(Connection, PendingResponse),
    /// For the client to read its last response, until the deadline. What it sends is discarded.
    Closing(Connection, Instant),
}

/// A finished response of ours that is being sent.
pub struct PendingResponse {
    pub bytes: Vec<u8>,
    pub sent: usize,
    pub persistence: Persistence,
    /// The last time that the client took bytes.
    pub last_sent: Instant,
    pub rate: DeliveryRate,
    pub reservation: Reservation,
}

impl ConnectionState {
    pub fn conn(&self) -> &Connection {
        match self {
            ConnectionState::Idle(conn)
            | ConnectionState::Reading(conn, _)
            | ConnectionState::Sending(conn, _)
            | ConnectionState::Closing(conn, _) => conn,
        }
    }

    /// Returns whether the client has yet to take a response that no worker waits for.
    fn is_delivering(&self) -> bool {
        matches!(
            self,
            ConnectionState::Sending(..) | ConnectionState::Closing(..)
        )
    }

    fn event(&self, key: usize) -> Event {
        if let ConnectionState::Sending(..) = self {
            Event::writable(key)
        } else {
            Event::readable(key)
        }
    }
}

/// The registered connections.
pub struct Reactor {
    poller: Arc<Poller>,
    slots: Mutex<Slots>,
    /// Notified when `Slots::all_delivered` becomes true.
    all_delivered: Condvar,
}

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Connections whose next request has already come.
    ready: Vec<Connection>,
    /// A lower bound of the deadlines of all connections.
    next_deadline: Option<Instant>,
    /// The time until which the event loop sleeps, unless an event wakes it.
    sleeps_until: Option<Instant>,
    /// Idle connections are closed instead of registered.
    is_closed: bool,
    /// Every client has taken its response after the close. Only the event loop can decide that, between its turns: a connection that
    /// it is working on is in no slot.
    all_delivered: bool,
}

#[derive(Default)]
struct Slot {
    generation: usize,
    entry: Option<(ConnectionState, Option<Instant>)>,
}

impl Reactor {
    pub fn new(poller: &Arc<Poller>) -> Reactor {
        Reactor {
            poller: poller.clone(),
            slots: Mutex::default(),
            all_delivered: Condvar::new(),
        }
    }

    /// Registers a connection, which the event loop takes out at its next event, or at `deadline`.
    pub fn register(&self, state: ConnectionState, deadline: Option<Instant>) {
        let mut slots = self.lock();
        if slots.is_closed && matches!(state, ConnectionState::Idle(_)) {
            return;
        }
        let index = slots.free_slot();
        let slot = &mut slots.slots[index];
        let key = FIRST_KEY + (slot.generation << SLOT_BITS | index);
        let event = state.event(key);
        // Under the lock: when the event comes, the entry is there.
        if let Err(e) = state.conn().watch(event) {
            log::warn!("watch a connection: {e}; it is closed");
            slots.free.push(index);
            return;
        }
        slot.entry = Some((state, deadline));
        if slots.note_deadline(deadline) {
            drop(slots);
            let _ = self.poller.notify();
        }
    }

    /// Adds a connection whose next request has already come, so that no event will follow.
    pub fn push_ready(&self, conn: Connection) {
        self.lock().ready.push(conn);
        let _ = self.poller.notify();
    }

    /// Takes out the connections whose next request has already come.
    pub fn take_ready(&self) -> Vec<Connection> {
        std::mem::take(&mut self.lock().ready)
    }

    /// Takes out the connection of an event, if it is still registered.
    pub fn take(&self, key: usize) -> Option<ConnectionState> {
        let key = key.checked_sub(FIRST_KEY)?;
        let (index, generation) = (key & ((1 << SLOT_BITS) - 1), key >> SLOT_BITS);
        let mut slots = self.lock();
        (slots.slots.get(index)?.generation == generation).then(|| slots.remove(index))?
    }

    /// Takes out the connections whose deadline has passed.
    pub fn take_expired(&self, now: Instant) -> Vec<ConnectionState> {
        let mut slots = self.lock();
        if slots.next_deadline.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let expired = slots
            .take_all(|slot| matches!(slot.entry, Some((_, Some(deadline))) if deadline <= now));
        let deadlines = slots.slots.iter().filter_map(|slot| slot.entry.as_ref()?.1);
        slots.next_deadline = deadlines
            .min()
            .map(|next| next.max(now + DEADLINE_CHECK_INTERVAL));
        expired
    }

    /// Takes out the connection of the lowest rank; those without a rank stay.
    pub fn take_lowest<R: Ord>(
        &self,
        rank: impl Fn(&ConnectionState) -> Option<R>,
    ) -> Option<ConnectionState> {
        let mut slots = self.lock();
        let ranked = slots
            .slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((rank(&slot.entry.as_ref()?.0)?, index)));
        let index = ranked.min()?.1;
        slots.remove(index)
    }

    /// Takes out all that are idle or reading, and registers no idle one from now on.
    pub fn close(&self) -> Vec<ConnectionState> {
        let mut slots = self.lock();
        slots.is_closed = true;
        slots.take_all(|slot| {
            matches!(
                slot.entry,
                Some((ConnectionState::Idle(_) | ConnectionState::Reading(..), _))
            )
        })
    }

    /// Waits after `close` until every client has taken its response, or until `deadline`. Returns the number of clients that had not.
    pub fn wait_until_delivered(&self, deadline: Instant) -> usize {
        let mut slots = self.lock();
        while !slots.all_delivered {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return slots.delivering();
            }
            let _ = self.poller.notify(); // `sleep_time` checks again
            slots = self
                .all_delivered
                .wait_timeout(slots, remaining.min(DEADLINE_CHECK_INTERVAL))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        0
    }

    /// Returns the time that the event loop may sleep from `now` on. `is_quiet`: no other thread works on a connection either.
    pub fn sleep_time(&self, now: Instant, is_quiet: bool) -> Option<Duration> {
        let mut slots = self.lock();
        if is_quiet && slots.is_closed && slots.ready.is_empty() && slots.delivering() == 0 {
            slots.all_delivered = true;
            self.all_delivered.notify_all();
        }
        slots.sleeps_until = slots.next_deadline;
        slots
            .next_deadline
            .map(|next| next.saturating_duration_since(now))
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        lock(&self.slots)
    }
}

impl Slots {
    fn free_slot(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        })
    }

    fn remove(&mut self, index: usize) -> Option<ConnectionState> {
        let slot = self.slots.get_mut(index)?;
        let (state, _) = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1) & (usize::MAX >> SLOT_BITS >> 1);
        self.free.push(index);
        Some(state)
    }

    fn delivering(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| matches!(&slot.entry, Some((state, _)) if state.is_delivering()))
            .count()
    }

    fn take_all(&mut self, predicate: impl Fn(&Slot) -> bool) -> Vec<ConnectionState> {
        let indices: Vec<usize> = (0..self.slots.len())
            .filter(|index| predicate(&self.slots[*index]))
            .collect();
        indices
            .into_iter()
            .filter_map(|index| self.remove(index))
            .collect()
    }

    /// Notes a deadline. Returns whether the event loop would sleep beyond it.
    fn note_deadline(&mut self, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else {
            return false;
        };
        if self.next_deadline.is_none_or(|next| deadline < next) {
            self.next_deadline = Some(deadline);
        }
        self.sleeps_until.is_none_or(|until| deadline < until) && {
            self.sleeps_until = Some(deadline);
            true
        }
    }
}
