//! WORKERS: starts the forwarding workers, and later those for which the system had no thread.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};

use crate::app::worker::WorkerContext;
use crate::server::Reason;
use crate::util::threads::{self, STACK};

/// The number of threads that are started after the workers: for signals, a history, a managed Ollama.
const OTHER_THREADS: usize = 8;

/// The forwarding workers, of which the first `started` run.
pub struct Workers {
    ctx: Arc<WorkerContext>,
    started: usize,
    has_begun: bool,
}

impl Workers {
    /// Starts none yet. The metric shows the configured number until then.
    pub fn new(ctx: &Arc<WorkerContext>) -> Workers {
        ctx.metrics.set_workers(ctx.context.workers());
        Workers {
            ctx: ctx.clone(),
            started: 0,
            has_begun: false,
        }
    }

    /// Starts the configured number of workers, or as many as the system has threads for. Fails if it has none.
    pub fn start(&mut self) -> io::Result<()> {
        self.has_begun = true;
        let reservation = reserve_threads();
        let started = self.start_rest();
        drop(reservation);
        match started {
            Err(e) if self.started == 0 => return Err(e),
            Err(e) => log::warn!(
                "{} workers run instead of {}: start a thread: {e}",
                self.started,
                self.wanted()
            ),
            Ok(()) => {}
        }
        self.ctx.metrics.set_workers(self.started);
        Ok(())
    }

    /// Tries again to start the missing ones.
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
        self.ctx.metrics.set_workers(self.started);
    }

    fn start_rest(&mut self) -> io::Result<()> {
        while self.started < self.wanted() {
            let (worker, ctx) = (self.started, self.ctx.clone());
            threads::spawn(format!("worker-{worker}"), STACK, move || {
                ctx.run_forwarder(worker)
            })
            .inspect_err(|e| self.note_missing(e))?;
            self.started += 1;
        }
        Ok(())
    }

    fn note_missing(&self, error: &io::Error) {
        let no_peer = SocketAddr::from(([0, 0, 0, 0], 0));
        let what = format!("a worker: start a thread: {error}");
        self.ctx
            .context
            .refusals
            .note(Reason::Threads, no_peer, &what);
    }

    fn wanted(&self) -> usize {
        self.ctx.context.workers()
    }
}

/// Reserves the threads that are started later, until the result is dropped.
fn reserve_threads() -> Sender<()> {
    let (reservation, released) = bounded::<()>(0);
    for _ in 0..OTHER_THREADS {
        let released = released.clone();
        // Best effort: without a free thread there is nothing to reserve.
        let _ = threads::spawn("placeholder", STACK, move || {
            let _ = released.recv();
        });
    }
    reservation
}
