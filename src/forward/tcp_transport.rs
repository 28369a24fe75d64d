//! The TCP connection under ureq.
//!
//! It is our own for three reasons: a wait for Ollama also watches the client, a check of a pooled connection costs one system call
//! (that of ureq takes six a request), and a failures write is not an error, because Ollama may have answered before it closed the
//! connection.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::buffers::SmallBuffers;
use super::control::ConnectionControl;
use crate::http::agent::{StepError, UpstreamErrorKind, lower_first};
use crate::platform;
use crate::platform::sockets::Interest;

/// The time to connect to one address, for a machine that does not even refuse.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// After this time of silence TCP probes whether the peer still has the connection, at this interval and this many times.
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// Sent data may be unacknowledged for this long, where the system supports it.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct TcpConnector(pub Arc<ConnectionControl>);

impl Connector<()> for TcpConnector {
    type Out = TcpTransport;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<TcpTransport>, Error> {
        let stream = Arc::new(connect(&details.addrs)?);
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        probe_idle_peer(&stream);
        if !self.0.connected(&stream) {
            return Err(Error::Io(ErrorKind::ConnectionAborted.into()));
        }
        Ok(Some(TcpTransport {
            stream,
            control: self.0.clone(),
            buffers: SmallBuffers::default(),
        }))
    }
}

/// Enables probes that notice a machine that vanished without closing, for which a worker would wait for ever. Best effort.
fn probe_idle_peer(stream: &TcpStream) {
    let probes = TcpKeepalive::new()
        .with_time(KEEPALIVE_TIME)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
    let _ = platform::sockets::end_unless_acknowledged(stream, UNACKNOWLEDGED_TIMEOUT);
}

/// Connects to the first of `addresses` that accepts.
fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut failures = Vec::new();
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(e) => failures.push((*address, e)),
        }
    }
    Err(unreachable(failures))
}

/// The error if no address could be reached, with the cause of each; equal causes in a row are written once.
fn unreachable(mut failures: Vec<(SocketAddr, io::Error)>) -> Error {
    let Some((last, cause)) = failures.pop() else {
        return Error::HostNotFound;
    };
    let mut doing = "connect to ".to_owned();
    for (n, (address, own)) in failures.iter().enumerate() {
        let next = failures.get(n + 1).map_or(&cause, |(_, next)| next);
        let why = if own.to_string() == next.to_string() {
            ", ".to_owned()
        } else {
            format!(": {}; to ", lower_first(&own.to_string()))
        };
        doing += &format!("{address}{why}");
    }
    let kind = if cause.kind() == ErrorKind::TimedOut {
        UpstreamErrorKind::Timeout
    } else {
        UpstreamErrorKind::Connect
    };
    StepError::wrap(kind, format!("{doing}{last}"), cause)
}

pub struct TcpTransport {
    stream: Arc<TcpStream>,
    control: Arc<ConnectionControl>,
    buffers: SmallBuffers,
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let mut sent = 0;
        while sent < amount && !self.control.is_answered() {
            match (&*self.stream).write(&self.buffers.output()[sent..amount]) {
                Ok(more) => sent += more,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    // An Ollama that has answered and reads no more would block this for ever.
                    if !self.control.check_early_reply(&self.stream) {
                        let is_silent = self.is_open();
                        self.control.wait(
                            &self.stream,
                            Interest {
                                read: is_silent,
                                ..Interest::WRITE
                            },
                            None,
                        )?;
                    }
                }
                Err(_) => self.control.write_failed(),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.buffers.release_output();
        let space = self.buffers.input_append_buf();
        // Only the wait for `100 Continue` has a timeout.
        let time = timeout.not_zero().map(|time| *time);
        let amount = loop {
            let failure = match self.control.wait(&self.stream, Interest::READ, time) {
                Err(e) if e.kind() == ErrorKind::TimedOut => {
                    return Err(Error::Timeout(timeout.reason));
                }
                Err(e) => e,
                Ok(state) => match (&*self.stream).read(space) {
                    Err(e)
                        if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) =>
                    {
                        continue;
                    }
                    Err(e) => e,
                    // Wine reads an end where a connection was reset.
                    Ok(0) if state.broken => ErrorKind::ConnectionReset.into(),
                    Ok(amount) => break amount,
                },
            };
            self.control.read_failed(&failure);
            return Err(failure.into());
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        platform::sockets::has_input(&self.stream, &mut [0]).is_none()
    }
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpTransport({:?})", self.stream.peer_addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::failure::Failure;

    #[test]
    fn every_address_that_was_tried_is_named_with_its_cause() {
        let refused = |address: &str| {
            (
                address.parse().unwrap(),
                ErrorKind::ConnectionRefused.into(),
            )
        };
        let lost = |address: &str| (address.parse().unwrap(), ErrorKind::TimedOut.into());
        let failure_of = |failures| match Failure::upstream("ask ollama", &unreachable(failures)) {
            Failure::Upstream(kind, text) => (kind, text),
            other => panic!("{other:?}"),
        };
        let all = vec![refused("127.0.0.1:1"), refused("[::1]:1")];
        assert_eq!(
            failure_of(all),
            (
                UpstreamErrorKind::Connect,
                "ask ollama: connect to 127.0.0.1:1, [::1]:1: connection refused".to_owned()
            )
        );
        let each = vec![
            refused("10.0.0.1:1"),
            lost("10.0.0.2:1"),
            lost("10.0.0.3:1"),
        ];
        let text = "ask ollama: connect to 10.0.0.1:1: connection refused; to 10.0.0.2:1, 10.0.0.3:1: timed out";
        assert_eq!(
            failure_of(each),
            (UpstreamErrorKind::Timeout, text.to_owned())
        );
        assert_eq!(failure_of(vec![]).0, UpstreamErrorKind::Resolve);
    }
}
