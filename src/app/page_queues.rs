//! PAGE QUEUES: the requests that wait for the workers of our own pages.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::http::route::Page;
use crate::server::Request;

/// The requests that may wait in one queue.
const PAGES_WAITING_MAX: usize = 256;

/// One queue for each kind of page, so that none waits for a slower one.
pub struct PageQueues {
    /// Pages that are made from memory.
    pub memory: PageQueue,
    /// The page that asks Ollama.
    pub test: PageQueue,
    /// Pages that ask the history.
    pub history: PageQueue,
}

pub type PageQueue = (Sender<Box<Request>>, Receiver<Box<Request>>);

impl Default for PageQueues {
    fn default() -> PageQueues {
        PageQueues {
            memory: bounded(PAGES_WAITING_MAX),
            test: bounded(PAGES_WAITING_MAX),
            history: bounded(PAGES_WAITING_MAX),
        }
    }
}

impl PageQueues {
    /// The queue for requests of this page.
    pub fn of(&self, page: Page) -> &Sender<Box<Request>> {
        match page {
            Page::Metrics
            | Page::Healthz
            | Page::Dashboard
            | Page::Active
            | Page::Cancel
            | Page::Nowhere => &self.memory.0,
            Page::Test => &self.test.0,
            Page::Stats
            | Page::Enhanced
            | Page::Search
            | Page::Messages
            | Page::Message
            | Page::Models
            | Page::Why
            | Page::HideFindings
            | Page::Export
            | Page::Purge => &self.history.0,
        }
    }
}
