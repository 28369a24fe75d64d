//! GATE: whether Ollama can be asked, and what requests tell of it. Open for good in front of an Ollama that others run; `serve`
//! closes it while it starts one.
//!
//! Whether Ollama is up the watcher finds out by asking, every 15 s; between two questions each reply that is forwarded says that it
//! is, and each request that fails has the watcher ask anew.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::util::threads::lock;

/// The end of an Ollama of ours is known within this time.
const TOLD: Duration = Duration::from_millis(250);

pub struct Gate {
    open: AtomicBool,
    /// How often it was closed.
    closings: AtomicUsize,
    /// Ollama has said something since somebody asked last.
    spoke: AtomicBool,
    /// Ollama is up, as far as is known.
    up: AtomicBool,
    /// A reply came since the watcher began to ask last.
    heard: AtomicBool,
    /// Something else than what is known may be true.
    doubted: AtomicBool,
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
        Gate::new(
            true,
            "; start it with `ollama serve`, or say where it is with --upstream",
        )
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
            up: AtomicBool::default(),
            heard: AtomicBool::default(),
            doubted: AtomicBool::default(),
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
        let _held = lock(&self.lock);
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
        let held = lock(&self.lock);
        drop(
            self.changed
                .wait_timeout_while(held, time, |()| self.is_open() == open),
        );
    }

    /// Whether Ollama is up, as far as is known.
    pub fn is_up(&self) -> bool {
        self.up.load(SeqCst)
    }

    /// Notes the head of a reply. What a gateway says when nobody answers behind it is no sign of life.
    pub fn note_reply(&self, status: u16) {
        if is_gateways_own(status) {
            return self.doubt();
        }
        if !self.heard.load(SeqCst) {
            self.heard.store(true, SeqCst);
        }
        if !self.is_up() {
            self.up.store(true, SeqCst);
            // Which version is it, and which models are there?
            self.doubt();
        }
    }

    /// Has the watcher ask anew.
    pub fn doubt(&self) {
        if !self.doubted.load(SeqCst) {
            let _held = lock(&self.lock);
            self.doubted.store(true, SeqCst);
            self.changed.notify_all();
        }
    }

    /// The watcher begins to ask: what is noted from now on may be news to it.
    pub fn begin_to_ask(&self) {
        self.heard.store(false, SeqCst);
        self.doubted.store(false, SeqCst);
    }

    /// Takes whether Ollama answered the watcher. Whether it is up, which it also is where clients were answered meanwhile.
    pub fn conclude(&self, answered: bool) -> bool {
        self.up.store(answered, SeqCst);
        // Looked at last, so that no reply is missed.
        if self.heard.load(SeqCst) {
            self.up.store(true, SeqCst);
        }
        self.is_up()
    }

    /// Waits until it is no longer so, or something is in doubt, at most so long.
    pub fn wait_to_ask(&self, open: bool, time: Duration) {
        let held = lock(&self.lock);
        let is_settled = |(): &mut ()| self.is_open() == open && !self.doubted.load(SeqCst);
        drop(self.changed.wait_timeout_while(held, time, is_settled));
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

/// 502 to 504: Ollama says them too, of its cloud or when it is busy, and so it is asked.
fn is_gateways_own(status: u16) -> bool {
    (502..=504).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_that_ollama_is_up_and_has_the_watcher_ask_for_the_rest() {
        let gate = Gate::open();
        gate.begin_to_ask();
        assert!(!gate.conclude(false) && !gate.is_up());
        gate.note_reply(404);
        assert!(gate.is_up());
        gate.wait_to_ask(true, Duration::from_secs(60)); // which would last
        gate.begin_to_ask();
        gate.note_reply(200);
        assert!(
            gate.conclude(false),
            "it did not answer the watcher, but a client"
        );
        gate.begin_to_ask();
        assert!(!gate.conclude(false));
    }

    #[test]
    fn a_failure_and_what_a_gateway_says_have_the_watcher_ask_and_nothing_more() {
        for doubt in [
            Gate::doubt as fn(&Gate),
            |gate| gate.note_reply(502),
            |gate| gate.note_reply(504),
        ] {
            for was_up in [true, false] {
                let gate = Gate::open();
                gate.conclude(was_up);
                std::thread::scope(|scope| {
                    scope.spawn(|| gate.wait_to_ask(true, Duration::from_secs(60)));
                    doubt(&gate);
                });
                assert_eq!(gate.is_up(), was_up);
            }
        }
    }

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
