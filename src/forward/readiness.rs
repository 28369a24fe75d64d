//! READINESS of Ollama, and the evidence that requests give of it. An external Ollama is always ready; `serve` sets readiness once the
//! Ollama that it starts answers, and resets it when that ends.
//!
//! The watcher asks every 15 s whether Ollama is up. In between, each forwarded reply shows that it is, and each failed request has
//! the watcher ask again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::util::threads::lock;

/// The end of a managed Ollama is noticed within this time.
const EXIT_NOTICE_TIMEOUT: Duration = Duration::from_millis(250);

/// The state of Ollama, shared by all parts of a tap.
pub struct Readiness {
    ready: AtomicBool,
    /// The number of times that it was set unready.
    generation: AtomicUsize,
    /// A byte of a reply came since `take_activity`.
    active: AtomicBool,
    /// Ollama is up, as far as is known.
    up: AtomicBool,
    /// A reply came since the watcher began its last check.
    replied: AtomicBool,
    /// The watcher is to check at once.
    check_requested: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
    /// The tap started this Ollama, and starts it again when it dies.
    pub is_managed: bool,
    /// The way out if a ready Ollama does not answer, appended to the error.
    pub advice: &'static str,
}

impl Readiness {
    /// The readiness of an Ollama that the tap did not start.
    pub fn external() -> Readiness {
        Readiness::new(
            true,
            "; start it with `ollama serve`, or say where it is with --upstream",
        )
    }

    /// The readiness of an Ollama that the tap is about to start.
    pub fn managed() -> Readiness {
        Readiness::new(false, "")
    }

    fn new(ready: bool, advice: &'static str) -> Readiness {
        Readiness {
            ready: AtomicBool::new(ready),
            generation: AtomicUsize::default(),
            active: AtomicBool::default(),
            up: AtomicBool::default(),
            replied: AtomicBool::default(),
            check_requested: AtomicBool::default(),
            lock: Mutex::default(),
            changed: Condvar::new(),
            is_managed: !ready,
            advice,
        }
    }

    /// Returns whether Ollama can be asked.
    pub fn is_ready(&self) -> bool {
        self.ready.load(SeqCst)
    }

    /// Lets requests through from now on.
    pub fn set_ready(&self) {
        self.set(true);
    }

    /// Keeps requests out from now on.
    pub fn set_unready(&self) {
        self.generation.fetch_add(1, SeqCst);
        self.set(false);
    }

    fn set(&self, ready: bool) {
        let _guard = lock(&self.lock);
        self.ready.store(ready, SeqCst);
        self.changed.notify_all();
    }

    /// The number of runs of Ollama that have ended.
    pub fn generation(&self) -> usize {
        self.generation.load(SeqCst)
    }

    /// Returns whether that run of Ollama can still be asked. Waits a moment for the end of a managed one, which clients may notice
    /// before it is noted here.
    pub fn is_current(&self, generation: usize) -> bool {
        if self.is_managed && self.generation() == generation {
            self.wait_while_ready(EXIT_NOTICE_TIMEOUT);
        }
        self.is_ready() && self.generation() == generation
    }

    fn wait_while_ready(&self, timeout: Duration) {
        let guard = lock(&self.lock);
        let waited = self
            .changed
            .wait_timeout_while(guard, timeout, |()| self.is_ready());
        drop(waited);
    }

    /// Waits until Ollama can be asked, for at most `timeout`. Returns whether it can.
    pub fn wait_until_ready(&self, timeout: Duration) -> bool {
        let guard = lock(&self.lock);
        let waited = self
            .changed
            .wait_timeout_while(guard, timeout, |()| !self.is_ready());
        drop(waited);
        self.is_ready()
    }

    /// Returns whether Ollama is up, as far as is known.
    pub fn is_up(&self) -> bool {
        self.up.load(SeqCst)
    }

    /// Notes the head of a reply. The error of a gateway is not a sign that Ollama is up.
    pub fn note_reply(&self, status: u16) {
        if is_gateway_error(status) {
            return self.request_check();
        }
        if !self.replied.load(SeqCst) {
            self.replied.store(true, SeqCst);
        }
        if !self.is_up() {
            self.up.store(true, SeqCst);
            // The watcher asks for version and models.
            self.request_check();
        }
    }

    /// Has the watcher ask at once.
    pub fn request_check(&self) {
        if !self.check_requested.load(SeqCst) {
            let _guard = lock(&self.lock);
            self.check_requested.store(true, SeqCst);
            self.changed.notify_all();
        }
    }

    /// Begins a check of the watcher: replies from now on may be news to it.
    pub fn begin_check(&self) {
        self.replied.store(false, SeqCst);
        self.check_requested.store(false, SeqCst);
    }

    /// Ends a check, with whether Ollama `answered` it. Returns whether Ollama is up, which it also is if clients were answered
    /// meanwhile.
    pub fn finish_check(&self, answered: bool) -> bool {
        self.up.store(answered, SeqCst);
        // Read last, so that no reply is missed.
        if self.replied.load(SeqCst) {
            self.up.store(true, SeqCst);
        }
        self.is_up()
    }

    /// Waits until readiness differs from `was_ready`, or a check is requested, for at most `timeout`.
    pub fn wait_for_check(&self, was_ready: bool, timeout: Duration) {
        let guard = lock(&self.lock);
        let waited = self.changed.wait_timeout_while(guard, timeout, |()| {
            self.is_ready() == was_ready && !self.check_requested.load(SeqCst)
        });
        drop(waited);
    }

    /// Notes that a byte of a reply came. Called for every token: mostly, the cache line is only read.
    pub fn note_activity(&self) {
        if !self.active.load(SeqCst) {
            self.active.store(true, SeqCst);
        }
    }

    /// Returns whether a byte of a reply came since the last call.
    pub fn take_activity(&self) -> bool {
        self.active.swap(false, SeqCst)
    }
}

/// Returns whether a gateway may have answered. Ollama answers 502 to 504 too, for its cloud or when it is busy, so it is asked.
fn is_gateway_error(status: u16) -> bool {
    (502..=504).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_shows_that_ollama_is_up_and_has_the_watcher_ask_for_the_rest() {
        let readiness = Readiness::external();
        readiness.begin_check();
        assert!(!readiness.finish_check(false) && !readiness.is_up());
        readiness.note_reply(404);
        assert!(readiness.is_up());
        readiness.wait_for_check(true, Duration::from_secs(60)); // which would last
        readiness.begin_check();
        readiness.note_reply(200);
        assert!(
            readiness.finish_check(false),
            "it did not answer the watcher, but a client"
        );
        readiness.begin_check();
        assert!(!readiness.finish_check(false));
    }

    #[test]
    fn a_failure_and_a_gateway_error_have_the_watcher_ask_and_nothing_more() {
        for request_check in [
            Readiness::request_check as fn(&Readiness),
            |readiness| readiness.note_reply(502),
            |readiness| readiness.note_reply(504),
        ] {
            for was_up in [true, false] {
                let readiness = Readiness::external();
                readiness.finish_check(was_up);
                std::thread::scope(|scope| {
                    scope.spawn(|| readiness.wait_for_check(true, Duration::from_secs(60)));
                    request_check(&readiness);
                });
                assert_eq!(readiness.is_up(), was_up);
            }
        }
    }

    #[test]
    fn a_request_that_waits_goes_on_when_ollama_is_ready() {
        let readiness = Readiness::managed();
        assert!(!readiness.wait_until_ready(Duration::ZERO));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| readiness.wait_until_ready(Duration::from_secs(60)));
            readiness.set_ready();
            assert!(waiting.join().unwrap());
        });
        readiness.set_unready();
        assert!(!readiness.is_ready() && Readiness::external().is_ready());
    }

    #[test]
    fn an_ollama_that_was_started_again_is_another_generation() {
        let readiness = Readiness::managed();
        readiness.set_ready();
        let generation = readiness.generation();
        assert!(readiness.is_current(generation));
        readiness.set_unready();
        assert!(!readiness.is_current(generation));
        readiness.set_ready();
        assert!(!readiness.is_current(generation) && readiness.is_current(readiness.generation()));
        let external = Readiness::external();
        assert!(external.is_current(external.generation()));
    }

    #[test]
    fn activity_is_returned_once() {
        let readiness = Readiness::external();
        assert!(!readiness.take_activity());
        readiness.note_activity();
        readiness.note_activity();
        assert!(readiness.take_activity() && !readiness.take_activity());
    }
}
