//! REACTOR: the connections that nobody works on, each watched by the poller until something happens to it.
//!
//! Who works on a connection takes it out first; who is done with it brings it back. Only the event loop hears of events.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use polling::{Event, Poller};

use super::connection::{Connection, ReaderPace};
use super::request_reader::RequestReader;
use crate::util::budget::Reservation;
use crate::util::threads::lock;

/// At most this often all deadlines are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Keys of the poller below this are not those of connections.
pub const FIRST_KEY: usize = 8;

/// Bits of a key that say which slot it is; those above say for which of its tenants it was.
const SLOT_BITS: u32 = 20;

/// A connection in the reactor, by what it waits for.
pub enum Registered {
    /// The next request, of which nothing is there.
    Idle(Connection),
    /// The rest of a request.
    Reading(Connection, RequestReader),
    /// Room for the rest of a finished answer.
    Sending(Connection, Outgoing),
    /// That the client has read its answer, until then. Nothing that it sends is looked at.
    Closing(Connection, Instant),
}

/// A finished answer of ours on its way.
pub struct Outgoing {
    pub bytes: Vec<u8>,
    pub sent: usize,
    pub then: Then,
    /// When the client took something last.
    pub moved: Instant,
    pub pace: ReaderPace,
    pub reservation: Reservation,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Keep,
    /// It ends, once the client has had time to read the answer.
    Close,
}

impl Registered {
    pub fn conn(&self) -> &Connection {
        match self {
            Registered::Idle(conn)
            | Registered::Reading(conn, _)
            | Registered::Sending(conn, _)
            | Registered::Closing(conn, _) => conn,
        }
    }

    /// Whether its client is still to take an answer that no worker waits for.
    fn is_answered(&self) -> bool {
        matches!(self, Registered::Sending(..) | Registered::Closing(..))
    }

    fn event(&self, key: usize) -> Event {
        if let Registered::Sending(..) = self {
            Event::writable(key)
        } else {
            Event::readable(key)
        }
    }
}

pub struct Reactor {
    poller: Arc<Poller>,
    slots: Mutex<Slots>,
    /// Told when `Slots::all_taken` becomes true.
    all_taken: Condvar,
}

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
    handed_over: Vec<Connection>,
    /// No deadline of anybody in here is before this.
    next_deadline: Option<Instant>,
    /// Until when the event loop sleeps, unless an event wakes it.
    sleeps_until: Option<Instant>,
    /// No connection may come in any more.
    is_closed: bool,
    /// Since it is closed, every client has taken its answer. Only the event loop can find that, between its turns: a connection
    /// that it has in its hands is in no slot.
    all_taken: bool,
}

#[derive(Default)]
struct Slot {
    tenancy: usize,
    tenant: Option<(Registered, Option<Instant>)>,
}

impl Reactor {
    pub fn new(poller: &Arc<Poller>) -> Reactor {
        Reactor {
            poller: poller.clone(),
            slots: Mutex::default(),
            all_taken: Condvar::new(),
        }
    }

    /// Brings a connection in, which is told to the event loop when something happens to it, at `deadline` at the latest.
    pub fn register(&self, registered: Registered, deadline: Option<Instant>) {
        let mut slots = self.lock();
        if slots.is_closed && matches!(registered, Registered::Idle(_)) {
            return;
        }
        let index = slots.vacancy();
        let slot = &mut slots.slots[index];
        let key = FIRST_KEY + (slot.tenancy << SLOT_BITS | index);
        let event = registered.event(key);
        // Under the lock: who hears of the event finds the tenant there.
        if let Err(e) = registered.conn().watch(event) {
            log::warn!("watch a connection: {e}; it is closed");
            slots.free.push(index);
            return;
        }
        slot.tenant = Some((registered, deadline));
        if slots.expects(deadline) {
            drop(slots);
            let _ = self.poller.notify();
        }
    }

    /// Brings a connection in whose next request is here already, which no event will tell.
    pub fn hand_over(&self, conn: Connection) {
        self.lock().handed_over.push(conn);
        let _ = self.poller.notify();
    }

    /// Takes out those that were handed over.
    pub fn take_handed_over(&self) -> Vec<Connection> {
        std::mem::take(&mut self.lock().handed_over)
    }

    /// Takes out the connection that an event is about, if it is still here.
    pub fn take(&self, key: usize) -> Option<Registered> {
        let key = key.checked_sub(FIRST_KEY)?;
        let (index, tenancy) = (key & ((1 << SLOT_BITS) - 1), key >> SLOT_BITS);
        let mut slots = self.lock();
        (slots.slots.get(index)?.tenancy == tenancy).then(|| slots.vacate(index))?
    }

    /// Takes out those whose time is over.
    pub fn take_expired(&self, now: Instant) -> Vec<Registered> {
        let mut slots = self.lock();
        if slots.next_deadline.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let is_over =
            |slot: &Slot| matches!(slot.tenant, Some((_, Some(deadline))) if deadline <= now);
        let expired = slots.take_all(is_over);
        let deadlines = slots
            .slots
            .iter()
            .filter_map(|slot| slot.tenant.as_ref()?.1);
        slots.next_deadline = deadlines.min().map(|next| next.max(now + LOOK));
        expired
    }

    /// Takes out the one that has been so for longest, as `rank` says: `None` for those that stay.
    pub fn take_least<R: Ord>(
        &self,
        rank: impl Fn(&Registered) -> Option<R>,
    ) -> Option<Registered> {
        let mut slots = self.lock();
        let ranked = slots
            .slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((rank(&slot.tenant.as_ref()?.0)?, index)));
        let index = ranked.min()?.1;
        slots.vacate(index)
    }

    /// Takes out all that are idle or gathering, and lets no idle one in any more.
    pub fn close(&self) -> Vec<Registered> {
        let mut slots = self.lock();
        slots.is_closed = true;
        slots.take_all(|slot| {
            matches!(
                slot.tenant,
                Some((Registered::Idle(_) | Registered::Reading(..), _))
            )
        })
    }

    /// After `close`: waits until every client has taken its answer, but no longer than until `deadline`. How many had not.
    pub fn wait_until_taken(&self, deadline: Instant) -> usize {
        let mut slots = self.lock();
        while !slots.all_taken {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return slots.answered();
            }
            let _ = self.poller.notify(); // for `sleep` to look
            slots = self
                .all_taken
                .wait_timeout(slots, left.min(LOOK))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        0
    }

    /// How long the event loop, which has no connection in its hands, may sleep from `now` on. `is_quiet`: nor has anybody else.
    pub fn sleep(&self, now: Instant, is_quiet: bool) -> Option<Duration> {
        let mut slots = self.lock();
        if is_quiet && slots.is_closed && slots.handed_over.is_empty() && slots.answered() == 0 {
            slots.all_taken = true;
            self.all_taken.notify_all();
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
    fn vacancy(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        })
    }

    fn vacate(&mut self, index: usize) -> Option<Registered> {
        let slot = self.slots.get_mut(index)?;
        let (registered, _) = slot.tenant.take()?;
        slot.tenancy = slot.tenancy.wrapping_add(1) & (usize::MAX >> SLOT_BITS >> 1);
        self.free.push(index);
        Some(registered)
    }

    fn answered(&self) -> usize {
        self.slots
            .iter()
            .filter(
                |slot| matches!(&slot.tenant, Some((registered, _)) if registered.is_answered()),
            )
            .count()
    }

    fn take_all(&mut self, is_so: impl Fn(&Slot) -> bool) -> Vec<Registered> {
        let indices: Vec<usize> = (0..self.slots.len())
            .filter(|index| is_so(&self.slots[*index]))
            .collect();
        indices
            .into_iter()
            .filter_map(|index| self.vacate(index))
            .collect()
    }

    /// Notes a deadline. True where the event loop would sleep beyond it.
    fn expects(&mut self, deadline: Option<Instant>) -> bool {
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
