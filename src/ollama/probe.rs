//! Asks whether an Ollama answers, again and again.
//!
//! `HEAD /` is what its own command asks first. Its socket takes connections long before it answers them (Ollama searches for
//! graphics processors in between), and its log says that it listens earlier still.

use std::io;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::timing::Timeouts;
use crate::http::address::Upstream;
use crate::http::agent::{Target, USER_AGENT};
use crate::util::threads::STACK;

/// The longest wait for one answer: Ollama searches for graphics processors for up to 30 s at a time.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// The time between two probes of an Ollama that has not answered yet.
const STARTUP_PROBE_INTERVAL: Duration = Duration::from_millis(50);

/// A thread that asks whether Ollama answers, again and again.
pub struct HealthProbe {
    /// The result of each probe: whether there was an answer.
    pub results: Receiver<bool>,
    /// The thread ends when this is dropped.
    _stop: Sender<()>,
}

impl HealthProbe {
    pub fn start(upstream: Upstream, timeouts: Timeouts) -> io::Result<HealthProbe> {
        let (sender, results) = unbounded();
        let (stop, stopped) = bounded(0);
        let target = Target::new(upstream.clone());
        let agent = target.agent(|config| {
            config
                .timeout_global(Some(PROBE_TIMEOUT))
                .user_agent(USER_AGENT)
        });
        let url = format!("{}/", upstream.origin());
        let ask = move || agent.head(&url).call().is_ok();
        thread::Builder::new()
            .name("health".into())
            .stack_size(STACK)
            .spawn(move || run(&ask, &sender, &stopped, timeouts))?;
        Ok(HealthProbe {
            results,
            _stop: stop,
        })
    }
}

fn run(ask: &dyn Fn() -> bool, sender: &Sender<bool>, stopped: &Receiver<()>, timeouts: Timeouts) {
    let mut pause = STARTUP_PROBE_INTERVAL;
    loop {
        let answered = ask();
        if answered {
            pause = timeouts.probe_interval;
        }
        if sender.send(answered).is_err()
            || stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout)
        {
            return;
        }
    }
}
