//! Clients that ask over and over on a connection of their own: as fast as they are answered, or at a given pace.

use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::wire::Wire;

/// Questions a client asks before its answers count: by then every connection on the way is open.
const WARM_UP: usize = 20;

/// As many clients as there are connections.
pub struct Clients(Vec<Wire>);

impl Clients {
    /// So many clients that connected at once and have asked `request` a few times.
    pub fn warm(address: SocketAddr, request: &[u8], count: usize) -> io::Result<Clients> {
        thread::scope(|scope| {
            let clients: Vec<_> = (0..count)
                .map(|_| scope.spawn(|| warm_up(address, request)))
                .collect();
            clients
                .into_iter()
                .map(|client| client.join().expect("a client does not panic"))
                .collect::<io::Result<_>>()
                .map(Clients)
        })
    }

    /// Answers per second where each sends `requests` over and over, for as long as `window`.
    pub fn ask_as_fast_as_they_can(
        &mut self,
        requests: &[Vec<u8>],
        window: Duration,
    ) -> io::Result<f64> {
        self.all_at_once(&|_, wire| {
            let begin = Instant::now();
            let mut answers = 0;
            while begin.elapsed() < window {
                wire.ask(&requests[answers % requests.len()])?;
                answers += 1;
            }
            Ok(answers as f64 / begin.elapsed().as_secs_f64())
        })
    }

    /// Answers per second where `offered` requests per second are sent at even intervals, by all in turn. Who comes too late for one sends it at once.
    pub fn ask_at_a_pace_of(
        &mut self,
        offered: u32,
        requests: &[Vec<u8>],
        window: Duration,
    ) -> io::Result<f64> {
        let (clients, interval) = (self.0.len(), Duration::from_secs(1) / offered);
        let sent = (window.as_nanos() / interval.as_nanos()) as usize;
        self.all_at_once(&|client, wire| {
            let begin = Instant::now();
            let mine = (client..sent).step_by(clients);
            let answers = mine.len();
            for n in mine {
                thread::sleep((interval * n as u32).saturating_sub(begin.elapsed()));
                wire.ask(&requests[n % requests.len()])?;
            }
            Ok(answers as f64 / begin.elapsed().max(window).as_secs_f64())
        })
    }

    /// The rates of all clients together, which begin at once.
    fn all_at_once(
        &mut self,
        ask: &(dyn Fn(usize, &mut Wire) -> io::Result<f64> + Sync),
    ) -> io::Result<f64> {
        let start = Barrier::new(self.0.len());
        let ask = |(client, wire)| {
            start.wait();
            ask(client, wire)
        };
        thread::scope(|scope| {
            let clients: Vec<_> = self
                .0
                .iter_mut()
                .enumerate()
                .map(|client| scope.spawn(move || ask(client)))
                .collect();
            clients
                .into_iter()
                .map(|client| client.join().expect("a client does not panic"))
                .sum()
        })
    }
}

fn warm_up(address: SocketAddr, request: &[u8]) -> io::Result<Wire> {
    let mut wire = Wire::connect(address)?;
    for _ in 0..WARM_UP {
        wire.ask(request)?;
    }
    Ok(wire)
}
