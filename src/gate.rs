//! GATE: whether Ollama can be asked. Open for good in front of an Ollama that others run; `serve` closes it while it starts one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The end of an Ollama of ours is known within this time.
const TOLD: Duration = Duration::from_millis(250);

pub struct Gate {
    open: AtomicBool,
    /// How often it was closed.
    closings: AtomicUsize,
    /// Ollama has said something since somebody asked last.
    spoke: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
    /// Ollama is ours: started by us, and started again when it dies.
    pub ours: bool,
    /// What to do about an Ollama that is open to questions and yet does not answer.
    pub advice: &'static str,
}

impl Gate {
    /// In front of an Ollama that others run.
    pub fn open() -> Gate {
        Gate::new(true, "; start it with `ollama serve`, or say where it is with --upstream")
    }

    /// In front of an Ollama that is yet to be started.
    pub fn closed() -> Gate {
        Gate::new(false, "")
    }

    fn new(open: bool, advice: &'static str) -> Gate {
        Gate {
            open: AtomicBool::new(open),
            closings: AtomicUsize::default(),
            spoke: AtomicBool::default(),
            lock: Mutex::default(),
            changed: Condvar::new(),
            ours: !open,
            advice,
        }
    }

    pub fn is_open(&self) -> bool {
        self.open.load(SeqCst)
    }

    /// Lets requests through from now on.
    pub fn let_in(&self) {
        self.set(true);
    }

    /// Keeps requests out from now on.
    pub fn keep_out(&self) {
        self.closings.fetch_add(1, SeqCst);
        self.set(false);
    }

    /// Which Ollama can be asked, counted by the ends of those before.
    pub fn run(&self) -> usize {
        self.closings.load(SeqCst)
    }

    /// Whether that Ollama can still be asked. The end of one of ours is waited for: clients may notice it before we are told.
    pub fn is_still(&self, run: usize) -> bool {
        if self.ours && self.run() == run {
            self.wait_while(true, TOLD);
        }
        self.is_open() && self.run() == run
    }

    fn set(&self, open: bool) {
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.open.store(open, SeqCst);
        self.changed.notify_all();
    }

    /// Waits until it is open, at most so long. Whether it is.
    pub fn wait_until_open(&self, time: Duration) -> bool {
        self.wait_while(false, time);
        self.is_open()
    }

    /// Waits until it is no longer so, at most so long.
    pub fn wait_while(&self, open: bool, time: Duration) {
        let held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(held, time, |()| self.is_open() == open));
    }

    /// Notes that Ollama said something. For the path of every token: the line of the cache is only read, mostly.
    pub fn note_speech(&self) {
        if !self.spoke.load(SeqCst) {
            self.spoke.store(true, SeqCst);
        }
    }

    /// Whether Ollama has said something since this was asked last.
    pub fn has_spoken(&self) -> bool {
        self.spoke.swap(false, SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_let_in_when_it_opens() {
        let gate = Gate::closed();
        assert!(!gate.wait_until_open(Duration::ZERO));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.wait_until_open(Duration::from_secs(60)));
            gate.let_in();
            assert!(waiting.join().unwrap());
        });
        gate.keep_out();
        assert!(!gate.is_open() && Gate::open().is_open());
    }

    #[test]
    fn an_ollama_that_was_started_anew_is_another_one() {
        let gate = Gate::closed();
        gate.let_in();
        let run = gate.run();
        assert!(gate.is_still(run));
        gate.keep_out();
        assert!(!gate.is_still(run));
        gate.let_in();
        assert!(!gate.is_still(run) && gate.is_still(gate.run()));
        let others = Gate::open();
        assert!(others.is_still(others.run()));
    }

    #[test]
    fn speech_is_told_once() {
        let gate = Gate::open();
        assert!(!gate.has_spoken());
        gate.note_speech();
        gate.note_speech();
        assert!(gate.has_spoken() && !gate.has_spoken());
    }
}
