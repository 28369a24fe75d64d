//! LANES: the ways to the workers of our own pages.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::http::route::Page;
use crate::server::Request;

/// Requests that wait for one of the workers of our own pages, for each kind of them.
const PAGES_WAITING: usize = 256;

/// The ways to the workers of our own pages, so that none of them waits for a slower one.
pub struct Lanes {
    /// What is in memory.
    pub memory: Lane,
    /// What asks Ollama.
    pub test: Lane,
    /// What asks the history.
    pub history: Lane,
}

pub type Lane = (Sender<Box<Request>>, Receiver<Box<Request>>);

impl Default for Lanes {
    fn default() -> Lanes {
        Lanes {
            memory: bounded(PAGES_WAITING),
            test: bounded(PAGES_WAITING),
            history: bounded(PAGES_WAITING),
        }
    }
}

impl Lanes {
    /// The way of a request for this page.
    pub fn of(&self, page: Page) -> &Sender<Box<Request>> {
        match page {
            Page::Metrics | Page::Healthz | Page::Dashboard | Page::Nowhere => &self.memory.0,
            Page::Test => &self.test.0,
            _ => &self.history.0,
        }
    }
}
