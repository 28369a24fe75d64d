//! HEALTH: whether an Ollama answers, asked again and again.
//!
//! `HEAD /` is what its own command asks first. Its socket takes connections long before anybody answers them (Ollama looks for
//! graphics processors in between), and Ollama logs that it listens earlier still.

use std::io;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

use super::supervise::Times;
use crate::forward::upstream::{Names, Target};
use crate::http::address::Upstream;
use crate::util::threads::STACK;

/// How long one answer may take: Ollama looks for graphics processors for up to 30 s at a time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two questions to an Ollama that has not answered yet.
const EAGER: Duration = Duration::from_millis(50);

/// A thread that asks, and tells each time whether there was an answer.
pub struct Asker {
    pub answers: Receiver<bool>,
    /// The thread ends when this is dropped.
    _wanted: Sender<()>,
}

impl Asker {
    pub fn start(upstream: Upstream, times: Times) -> io::Result<Asker> {
        let (told, answers) = unbounded();
        let (wanted, unwanted) = bounded(0);
        let config = Target {
            upstream: upstream.clone(),
            roots: None,
        }
        .config()
        .timeout_global(Some(PATIENCE));
        let config = config
            .user_agent(concat!("ollama-tap/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Names);
        let url = format!("{}/", upstream.origin());
        let ask = move || agent.head(&url).call().is_ok();
        thread::Builder::new()
            .name("health".into())
            .stack_size(STACK)
            .spawn(move || keep_asking(&ask, &told, &unwanted, times))?;
        Ok(Asker {
            answers,
            _wanted: wanted,
        })
    }
}

fn keep_asking(ask: &dyn Fn() -> bool, told: &Sender<bool>, unwanted: &Receiver<()>, times: Times) {
    let mut pause = EAGER;
    loop {
        let answered = ask();
        if answered {
            pause = times.look;
        }
        if told.send(answered).is_err()
            || unwanted.recv_timeout(pause) != Err(RecvTimeoutError::Timeout)
        {
            return;
        }
    }
}
