//! WORKERS: starts the forwarding workers, and later those that the system had no thread for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};

use crate::app::worker::Workshop;
use crate::server::Reason;
use crate::util::threads::{self, STACK};

/// Threads that others start after the workers: who waits for signals, who reads a history, who keeps an Ollama running.
const OTHERS: usize = 8;

/// The forwarding workers, of which the first `started` run.
pub struct Workers {
    workshop: Arc<Workshop>,
    started: usize,
    has_begun: bool,
}

impl Workers {
    /// Until they were started, the metric says how many there are to be.
    pub fn new(workshop: &Arc<Workshop>) -> Workers {
        workshop.metrics.set_workers(workshop.context.workers());
        Workers {
            workshop: workshop.clone(),
            started: 0,
            has_begun: false,
        }
    }

    /// Starts as many as there are to be, or as the system has threads for; an error where that is none.
    pub fn start(&mut self) -> io::Result<()> {
        self.has_begun = true;
        let room = room_for_others();
        let started = self.start_rest();
        drop(room);
        match started {
            Err(e) if self.started == 0 => return Err(e),
            Err(e) => log::warn!(
                "{} workers run instead of {}: start a thread: {e}",
                self.started,
                self.wanted()
            ),
            Ok(()) => {}
        }
        self.workshop.metrics.set_workers(self.started);
        Ok(())
    }

    /// Tries again to start those that are missing.
    pub fn start_missing(&mut self) {
        if !self.has_begun || self.started == self.wanted() {
            return;
        }
        match self.start_rest() {
            Ok(()) => log::info!("all {} workers run", self.started),
            Err(e) => log::debug!(
                "{} workers run instead of {}: start a thread: {e}",
                self.started,
                self.wanted()
            ),
        }
        self.workshop.metrics.set_workers(self.started);
    }

    fn start_rest(&mut self) -> io::Result<()> {
        while self.started < self.wanted() {
            let (worker, workshop) = (self.started, self.workshop.clone());
            let started = threads::spawn(format!("worker-{worker}"), STACK, move || {
                workshop.forward_all(worker)
            });
            started.inspect_err(|e| self.note(e))?;
            self.started += 1;
        }
        Ok(())
    }

    fn note(&self, error: &io::Error) {
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        self.workshop.context.refusals.note(
            Reason::Threads,
            nobody,
            &format!("a worker: start a thread: {error}"),
        );
    }

    fn wanted(&self) -> usize {
        self.workshop.context.workers()
    }
}

/// Takes the room of the threads to come, for as long as what is returned lives.
fn room_for_others() -> Sender<()> {
    let (room, ended) = bounded::<()>(0);
    for _ in 0..OTHERS {
        let ended = ended.clone();
        // Where there is none it cannot be kept.
        let _ = threads::spawn("room", STACK, move || {
            let _ = ended.recv();
        });
    }
    room
}
