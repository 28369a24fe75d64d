//! WATCHDOG: tells the service manager that we are ready, and goes on telling it that we serve, for as long as that is true.
//!
//! True means that a stranger would find it so: each time a connection of its own asks for /healthz, so that the listener
//! and the thread behind it have done their part. A tap that only looks alive is thus killed and started again.

use std::net::SocketAddr;
use std::time::Duration;
use std::{io, thread};

use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

use crate::forward::upstream::{Names, Target};
use crate::http::address::Upstream;
use crate::platform;
use crate::util::threads::{self, STACK};

/// Proofs for each time that we may say nothing: one may come late, and one may fail.
const PROOFS: u32 = 3;

/// Says that we listen at this address, and from now on, if anybody wants to know, that we serve.
pub fn start(address: SocketAddr) -> io::Result<()> {
    platform::notify::notify_ready();
    let Some(patience) = platform::notify::watchdog() else {
        return Ok(());
    };
    let pause = patience / PROOFS;
    let health = Health::of(address, pause);
    threads::spawn("watchdog", STACK, move || watch(&health, pause))
}

fn watch(health: &Health, pause: Duration) {
    loop {
        match health.ask() {
            Ok(()) => platform::notify::notify_alive(),
            Err(cause) => log::warn!("we do not answer ourselves: {cause}"),
        }
        thread::sleep(pause);
    }
}

/// Our own page, asked over the network.
struct Health {
    agent: Agent,
    url: String,
}

impl Health {
    /// No connection is kept: the next one must find its way in by itself.
    fn of(address: SocketAddr, patience: Duration) -> Health {
        let upstream = Upstream::parse(&address.to_string())
            .map_or_else(|_| Upstream::default(), |(upstream, _)| upstream);
        let target = Target {
            upstream,
            roots: None,
        };
        let config = target
            .config()
            .http_status_as_error(true)
            .timeout_global(Some(patience))
            .max_idle_connections(0)
            .build();
        let url = format!("{}/healthz", target.upstream.origin());
        Health {
            agent: Agent::with_parts(config, DefaultConnector::default(), Names),
            url,
        }
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

    /// What a listener that treats one connection like this looks like from outside.
    fn asked(treat: impl FnOnce(&TcpListener) + Send + 'static) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let health = Health::of(listener.local_addr().unwrap(), Duration::from_millis(200));
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
            "a connection that nobody accepts proves nothing"
        );
    }
}
