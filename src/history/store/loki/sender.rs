//! SENDER: one push at a time, waited for no longer than the tap runs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::answer::Pushed;
use super::ask::LokiClient;
use crate::history::store::{Result, StoreError};
use crate::util::threads::{self, STACK, lock};

/// What we need between giving up a push and the end of the tap, to leave what was not sent.
const TO_LEAVE: Duration = Duration::from_millis(1200);

/// How often it is looked whether the tap ends while a push is under way.
const LOOK: Duration = Duration::from_millis(100);

/// Sends bodies to one Loki.
pub struct Sender {
    client: Arc<LokiClient>,
    /// When to stop waiting for an answer, once the tap ends.
    end: Mutex<Option<Instant>>,
}

impl Sender {
    pub fn new(client: Arc<LokiClient>) -> Sender {
        Sender {
            client,
            end: Mutex::default(),
        }
    }

    pub fn client(&self) -> &LokiClient {
        &self.client
    }

    /// From now on no push is waited for beyond this, so that there is time to leave what was not sent.
    pub fn set_deadline(&self, deadline: Instant) {
        *lock(&self.end) = Some(deadline.checked_sub(TO_LEAVE).unwrap_or(deadline));
    }

    /// What Loki answers to a body. It is waited for on this thread, and asked on another, which may outlive the tap's patience.
    pub fn answer(&self, body: Vec<u8>) -> Result<Pushed> {
        let (done, answered) = bounded(1);
        let client = self.client.clone();
        let given_up = || {
            StoreError::Failed(format!(
                "push to loki at {}: it does not answer, and the tap ends",
                self.client.base()
            ))
        };
        let push = move || drop(done.send(client.push(&body)));
        threads::spawn("loki-push", STACK, push).map_err(|cause| {
            StoreError::Failed(format!("push to loki: start a thread: {cause}"))
        })?;
        loop {
            match answered.recv_timeout(LOOK) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout)
                    if lock(&self.end).is_none_or(|end| Instant::now() < end) => {}
                Err(_) => return Err(given_up()),
            }
        }
    }
}
