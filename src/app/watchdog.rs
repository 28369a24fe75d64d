//! WATCHDOG: notifies the service manager that the tap is ready, and then regularly that it is alive.
//!
//! It is alive while /healthz answers on a new connection each time, for which listener and event loop must work. A tap that hangs
//! is thus killed and restarted.

use std::net::SocketAddr;
use std::time::Duration;
use std::{io, thread};

use ureq::Agent;

use crate::http::address::{Upstream, dialable_ip};
use crate::http::agent::Target;
use crate::platform;
use crate::util::threads::{self, STACK};

/// The number of checks within the timeout of the service manager: one may be late, and one may fail.
const CHECKS_PER_TIMEOUT: u32 = 3;

/// Notifies the service manager that we listen at this address, and starts the watchdog if it wants one.
pub fn start(address: SocketAddr) -> io::Result<()> {
    platform::notify::notify_ready();
    let Some(timeout) = platform::notify::watchdog() else {
        return Ok(());
    };
    let interval = timeout / CHECKS_PER_TIMEOUT;
    let health = HealthCheck::of(address, interval);
    threads::spawn("watchdog", STACK, move || watch(&health, interval))
}

fn watch(health: &HealthCheck, interval: Duration) {
    loop {
        match health.check() {
            Ok(()) => platform::notify::notify_alive(),
            Err(cause) => log::warn!("we do not answer ourselves: {cause}"),
        }
        thread::sleep(interval);
    }
}

/// Requests /healthz over the network.
struct HealthCheck {
    agent: Agent,
    url: String,
}

impl HealthCheck {
    fn of(address: SocketAddr, timeout: Duration) -> HealthCheck {
        let upstream = Upstream::from(SocketAddr::new(dialable_ip(address.ip()), address.port()));
        HealthCheck {
            url: format!("{}/healthz", upstream.origin()),
            agent: Target::new(upstream).query_agent(timeout),
        }
    }

    fn check(&self) -> Result<(), ureq::Error> {
        self.agent
            .get(&self.url)
            .call()?
            .body_mut()
            .read_to_vec()
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Returns whether a listener that treats a connection like this passes the health check.
    fn passes(treat: impl FnOnce(&TcpListener) + Send + 'static) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let health = HealthCheck::of(listener.local_addr().unwrap(), Duration::from_millis(200));
        let server = thread::spawn(move || {
            treat(&listener);
            listener
        });
        let is_healthy = health.check().is_ok();
        drop(server.join().unwrap());
        is_healthy
    }

    fn answer(listener: &TcpListener, reply: &str) {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(reply.as_bytes()).unwrap();
    }

    #[test]
    fn only_an_answer_proves_that_we_serve() {
        assert!(passes(|listener| answer(
            listener,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        )));
        assert!(!passes(|listener| answer(
            listener,
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
        )));
        assert!(!passes(|listener| answer(
            listener,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"
        )));
        assert!(
            !passes(|_| ()),
            "a connection that is never accepted proves nothing"
        );
    }
}
