//! CANCEL: ends a request from another thread than its worker's.

use std::net::Shutdown;
use std::sync::TryLockError;
use std::time::Duration;

use super::{CancelReason, ConnectionControl, State};
use crate::platform;
use crate::platform::sockets::Interest;
use crate::util::threads::lock;

impl ConnectionControl {
    /// Cancels whatever is in flight: a wait on the connection fails at once.
    pub fn cancel(&self, reason: CancelReason) {
        self.state().cancel(reason);
    }

    /// Cancels the exchange with this number, because somebody asked for it. Returns whether it was in flight.
    pub fn cancel_exchange(&self, number: u64) -> bool {
        // Under one lock, lest another exchange begins in between.
        let mut state = self.state();
        if state.exchange != Some(number) {
            return false;
        }
        state.cancel(CancelReason::Requested);
        let is_cancelled = state.phase.cancelled() == Some(CancelReason::Requested);
        drop(state);
        self.release_writer(number);
        is_cancelled
    }

    /// Ends the wait of a worker for a client that takes nothing: nobody else would, and it has had a part of its reply.
    fn release_writer(&self, number: u64) {
        let client = match self.client.try_lock() {
            Ok(client) => client,
            Err(TryLockError::Poisoned(client)) => client.into_inner(),
            // The worker waits for Ollama, and that wait has ended.
            Err(TryLockError::WouldBlock) => return,
        };
        let Some(client) = client
            .as_ref()
            .filter(|_| lock(&self.state).exchange == Some(number))
        else {
            return;
        };
        let socket = &**client.socket;
        let takes_more = platform::sockets::wait([(socket, Interest::WRITE)], Some(Duration::ZERO));
        if takes_more.is_ok_and(|[state]| !state.writable) {
            platform::sockets::interrupt(socket, Shutdown::Both);
        }
    }
}

impl State {
    fn cancel(&mut self, reason: CancelReason) {
        self.phase.cancel(reason);
        if let Some(stream) = self.stream.upgrade() {
            platform::sockets::interrupt(&*stream, Shutdown::Both);
        }
    }
}
