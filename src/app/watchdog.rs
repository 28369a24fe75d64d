//! WATCHDOG: tells the service manager that we are ready, and then that we serve, for as long as that is true.
//!
//! It is true while a new connection of its own gets an answer from /healthz each time, for which listener and event loop have
//! to do their part. A tap that only looks alive is thus killed and restarted.

use std::net::SocketAddr;
use std::time::Duration;
use std::{io, thread};

use ureq::Agent;

use crate::http::address::Upstream;
use crate::http::agent::Target;
use crate::platform;
use crate::util::threads::{self, STACK};

/// Checks in each time after which the service manager would kill us: one may be late, and one may fail.
const CHECKS_PER_TIMEOUT: u32 = 3;

/// Tells the service manager that we listen at this address, and from now on that we serve, if it wants to know.
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
        match health.ask() {
            Ok(()) => platform::notify::notify_alive(),
            Err(cause) => log::warn!("we do not answer ourselves: {cause}"),
        }
        thread::sleep(interval);
    }
}

/// Asks our own page over the network.
struct HealthCheck {
    agent: Agent,
    url: String,
}

impl HealthCheck {
    /// Keeps no connection: each check must be accepted anew.
    fn of(address: SocketAddr, timeout: Duration) -> HealthCheck {
        let upstream = Upstream::parse(&address.to_string())
            .map_or_else(|_| Upstream::default(), |(upstream, _)| upstream);
        let target = Target {
            upstream,
            roots: None,
        };
        let agent = target.agent(|config| {
            config
                .http_status_as_error(true)
                .timeout_global(Some(timeout))
                .max_idle_connections(0)
        });
        let url = format!("{}/healthz", target.upstream.origin());
        HealthCheck { agent, url }
    }

    fn ask(&self) -> Result<(), ureq::Error> {
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

    /// Returns whether a listener that treats a connection like this passes the check.
    fn asked(treat: impl FnOnce(&TcpListener) + Send + 'static) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let health = HealthCheck::of(listener.local_addr().unwrap(), Duration::from_millis(200));
        let server = thread::spawn(move || {
            treat(&listener);
            listener
        });
        let is_well = health.ask().is_ok();
        drop(server.join().unwrap());
        is_well
    }

    fn answer(listener: &TcpListener, reply: &str) {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(reply.as_bytes()).unwrap();
    }

    #[test]
    fn only_an_answer_proves_that_we_serve() {
        assert!(asked(|listener| answer(
            listener,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        )));
        assert!(!asked(|listener| answer(
            listener,
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
        )));
        assert!(!asked(|listener| answer(
            listener,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"
        )));
        assert!(
            !asked(|_| ()),
            "a connection that is never accepted proves nothing"
        );
    }
}
