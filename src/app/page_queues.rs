//! PAGE QUEUES: the requests that wait for the workers of our own pages.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::http::route::Page;
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
    /// thing after the other, and waits for the last.
    pub history: PageQueue<Box<Request>>,
}

impl Default for PageQueues {
    fn default() -> PageQueues {
        PageQueues {
            memory: PageQueue::new(Order::OldestFirst),
            test: PageQueue::new(Order::OldestFirst),
            history: PageQueue::new(Order::NewestFirst),
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
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// Requests that wait, at most `PAGES_WAITING_MAX`.
pub struct PageQueue<J> {
    order: Order,
    waiting: Mutex<VecDeque<J>>,
    arrived: Condvar,
}

impl<J> PageQueue<J> {
    pub fn new(order: Order) -> PageQueue<J> {
        PageQueue {
            order,
            waiting: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    /// Adds a request. Returns it if there is no room.
    pub fn offer(&self, request: J) -> Option<J> {
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= PAGES_WAITING_MAX {
            return Some(request);
        }
        waiting.push_back(request);
        drop(waiting);
        self.arrived.notify_one();
        None
    }

    /// Waits for the next request.
    pub fn next(&self) -> J {
        let mut waiting = lock(&self.waiting);
        loop {
            let next = match self.order {
                Order::OldestFirst => waiting.pop_front(),
                Order::NewestFirst => waiting.pop_back(),
            };
            if let Some(request) = next {
                return request;
            }
            let woken = self.arrived.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_in_the_order_of_their_queue_and_refused_where_it_is_full() {
        for (order, expected) in [(Order::OldestFirst, 0), (Order::NewestFirst, 255)] {
            let queue = PageQueue::new(order);
            assert!((0..PAGES_WAITING_MAX).all(|n| queue.offer(n).is_none()));
            assert_eq!(queue.offer(7), Some(7));
            assert_eq!(queue.next(), expected);
            assert_eq!(queue.offer(7), None);
        }
    }
}
