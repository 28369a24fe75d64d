//! PAGE QUEUES: the requests that wait for the workers of our own pages.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::http::route::{Page, Route};
use crate::pages::takes_long;
use crate::server::Request;
use crate::util::threads::lock;

/// The requests that may wait in one queue.
const PAGES_WAITING_MAX: usize = 256;

/// One queue for each kind of page, so that none waits for a slower one.
pub struct PageQueues {
    /// Pages that are made from memory.
    pub memory: PageQueue<Box<Request>>,
    /// The page that asks Ollama.
    pub test: PageQueue<Box<Request>>,
    /// Pages that ask the history. The newest question is answered first: who types asks for one
    /// thing after the other, and waits for the last. Of those that read all texts one is answered
    /// at a time, so that a worker is left for the others.
    pub history: PageQueue<Box<Request>>,
}

impl Default for PageQueues {
    fn default() -> PageQueues {
        PageQueues {
            memory: PageQueue::new(ServingOrder::OldestFirst, |_| false),
            test: PageQueue::new(ServingOrder::OldestFirst, |_| false),
            history: PageQueue::new(ServingOrder::NewestFirst, |request| match request.route {
                Route::Own(page) => takes_long(page, &request.head.target_text()),
                Route::Forward(_) => false,
            }),
        }
    }
}

impl PageQueues {
    /// The queue for requests of this page.
    pub fn of(&self, page: Page) -> &PageQueue<Box<Request>> {
        match page {
            Page::Metrics
            | Page::Healthz
            | Page::Dashboard
            | Page::Active
            | Page::Cancel
            | Page::Nowhere => &self.memory,
            Page::Test => &self.test,
            Page::Stats
            | Page::Enhanced
            | Page::Search
            | Page::Messages
            | Page::Message
            | Page::Models
            | Page::Why
            | Page::HideFindings
            | Page::Export
            | Page::Purge
            | Page::DeleteMessage => &self.history,
        }
    }
}

/// The order in which waiting requests are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServingOrder {
    OldestFirst,
    NewestFirst,
}

/// Requests that wait, at most `PAGES_WAITING_MAX`.
pub struct PageQueue<J> {
    order: ServingOrder,
    takes_long: fn(&J) -> bool,
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    waiting: VecDeque<Waiting<J>>,
    /// A request that takes long is being answered: the others of its kind wait.
    is_long_served: bool,
}

struct Waiting<J> {
    request: J,
    takes_long: bool,
}

impl<J> PageQueue<J> {
    fn new(order: ServingOrder, takes_long: fn(&J) -> bool) -> PageQueue<J> {
        PageQueue {
            order,
            takes_long,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                is_long_served: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Adds a request. Returns the one that has to go if there is no room, which is the one that
    /// would be answered last.
    pub fn offer(&self, request: J) -> Option<J> {
        let takes_long = (self.takes_long)(&request);
        let mut state = lock(&self.state);
        let is_full = state.waiting.len() >= PAGES_WAITING_MAX;
        let refused = match self.order {
            ServingOrder::OldestFirst if is_full => return Some(request),
            ServingOrder::NewestFirst if is_full => state.waiting.pop_front(),
            ServingOrder::OldestFirst | ServingOrder::NewestFirst => None,
        };
        state.waiting.push_back(Waiting {
            request,
            takes_long,
        });
        drop(state);
        self.changed.notify_one();
        refused.map(|refused| refused.request)
    }

    /// Waits for the next request, and answers it.
    pub fn serve(&self, answer: impl FnOnce(J)) {
        let next = self.next();
        answer(next.request);
        if next.takes_long {
            lock(&self.state).is_long_served = false;
            self.changed.notify_one();
        }
    }

    fn next(&self) -> Waiting<J> {
        let mut state = lock(&self.state);
        loop {
            if let Some(next) = state.take(self.order) {
                return next;
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<J> State<J> {
    /// Takes the first request that may be answered now.
    fn take(&mut self, order: ServingOrder) -> Option<Waiting<J>> {
        let may_be_served = |one: &Waiting<J>| !(one.takes_long && self.is_long_served);
        let place = match order {
            ServingOrder::OldestFirst => self.waiting.iter().position(may_be_served),
            ServingOrder::NewestFirst => self.waiting.iter().rposition(may_be_served),
        };
        let next = self.waiting.remove(place?)?;
        self.is_long_served |= next.takes_long;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served<J>(queue: &PageQueue<J>) -> J {
        let mut served = None;
        queue.serve(|request| served = Some(request));
        served.unwrap()
    }

    #[test]
    fn requests_are_taken_in_the_order_of_their_queue_and_the_last_is_refused_where_it_is_full() {
        let last = PAGES_WAITING_MAX - 1;
        for (order, refused, next) in [
            (ServingOrder::OldestFirst, last + 1, [0, 1]),
            (ServingOrder::NewestFirst, 0, [last + 1, last]),
        ] {
            let queue = PageQueue::new(order, |_| false);
            assert!((0..=last).all(|n| queue.offer(n).is_none()));
            assert_eq!(queue.offer(last + 1), Some(refused));
            assert_eq!([served(&queue), served(&queue)], next);
            assert_eq!(queue.offer(7), None);
        }
    }

    #[test]
    fn of_those_that_take_long_one_is_answered_at_a_time() {
        let queue = PageQueue::new(ServingOrder::NewestFirst, |text: &&str| {
            text.starts_with("long")
        });
        for request in ["short", "long, older", "long, newer"] {
            assert_eq!(queue.offer(request), None);
        }
        queue.serve(|first| {
            assert_eq!(first, "long, newer");
            assert_eq!(served(&queue), "short");
            assert!(lock(&queue.state).take(ServingOrder::NewestFirst).is_none());
        });
        assert_eq!(served(&queue), "long, older");
    }
}
