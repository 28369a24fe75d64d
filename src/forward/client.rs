//! The client of an exchange, watched while its worker waits for Ollama.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::platform;
use crate::platform::sockets::{Interest, SocketState, WatchedStream};
use crate::server::HALF_CLOSE_TIMEOUT;

#[derive(Debug)]
pub(super) struct WatchedClient {
    pub(super) socket: Arc<WatchedStream>,
    pub(super) takes_interim: bool,
    /// The start of the time in which its sending side was closed and it was sent nothing.
    half_closed_since: Option<Instant>,
}

impl WatchedClient {
    pub(super) fn new(socket: Arc<WatchedStream>, takes_interim: bool) -> WatchedClient {
        WatchedClient {
            socket,
            takes_interim,
            half_closed_since: None,
        }
    }

    /// Waits once for `interest` of Ollama. Returns `None` when the client has left.
    pub(super) fn wait(
        &mut self,
        stream: &TcpStream,
        interest: Interest,
        timeout: Option<Duration>,
    ) -> io::Result<Option<SocketState>> {
        let until_gone = self
            .half_closed_since
            .map(|since| HALF_CLOSE_TIMEOUT.saturating_sub(since.elapsed()));
        let client_interest = match self.half_closed_since {
            None => Interest::END,
            Some(_) => Interest::NONE,
        };
        let timeout = [until_gone, timeout].into_iter().flatten().min();
        let [upstream, client] = platform::sockets::wait(
            [(stream, interest), (&**self.socket, client_interest)],
            timeout,
        )?;
        if upstream.readable || upstream.writable {
            // Bytes flow, so it is being sent something.
            self.half_closed_since = self.half_closed_since.map(|_| Instant::now());
            return Ok(Some(upstream));
        }
        if client.broken || self.is_half_closed_for_long() {
            return Ok(None);
        }
        if client.ended {
            self.half_closed_since.get_or_insert_with(Instant::now);
        }
        Ok(Some(upstream))
    }

    fn is_half_closed_for_long(&self) -> bool {
        self.half_closed_since
            .is_some_and(|since| since.elapsed() >= HALF_CLOSE_TIMEOUT)
    }
}
