//! Sends one push at a time, and waits for it no longer than the tap runs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::client::LokiClient;
use super::response::PushResponse;
use crate::history::store::{Result, StoreError, failed};
use crate::util::threads::{self, STACK, lock};

/// The time between giving up a push and the end of the tap, to spool the records that were not
/// sent.
const SPOOL_RESERVE: Duration = Duration::from_millis(1200);

/// The interval at which a push under way looks whether the tap ends.
const SHUTDOWN_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Sends bodies to one Loki.
pub struct Sender {
    client: Arc<LokiClient>,
    /// The time to stop waiting for a response, once the tap ends.
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

    /// Sets the end of the tap; from now on pushes are given up early enough to spool their
    /// records.
    pub fn set_deadline(&self, deadline: Instant) {
        *lock(&self.end) = Some(deadline.checked_sub(SPOOL_RESERVE).unwrap_or(deadline));
    }

    /// Sends a body and waits for the response. The request runs on a thread of its own, which may
    /// outlive the wait.
    pub fn push(&self, body: Vec<u8>) -> Result<PushResponse> {
        let (done, response) = bounded(1);
        let client = self.client.clone();
        let push = move || drop(done.send(client.push(&body)));
        threads::spawn("loki-push", STACK, push).map_err(failed("push to loki: start a thread"))?;
        loop {
            match response.recv_timeout(SHUTDOWN_CHECK_INTERVAL) {
                Ok(response) => return response,
                Err(RecvTimeoutError::Timeout)
                    if lock(&self.end).is_none_or(|end| Instant::now() < end) => {}
                Err(_) => {
                    return Err(StoreError::Failed(format!(
                        "push to loki at {}: it does not answer, and the tap ends",
                        self.client.base()
                    )));
                }
            }
        }
    }
}
