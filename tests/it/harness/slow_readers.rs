//! Clients that ask for much and read nothing, until the tap has to keep the rest.

use std::time::{Duration, Instant};

use super::{Client, Proxy, metric, request};

/// More pages than the kernel takes of them for a client that does not read: it has room for a few MiB on each side.
pub const PAGES: usize = 400;

/// So many clients, each of which asked for `PAGES` pages on its connection, and for none of which any more are made.
pub fn clients(tap: &Proxy, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| tap.connect_with_little_room()).collect();
    for client in &mut clients {
        client.send(request("GET", "/analytics", &[], "").repeat(PAGES));
    }
    let counted = metric("ollama_tap_http_requests_total").label("endpoint", "analytics");
    let (mut made, mut since) = (0.0, Instant::now());
    tap.scrape_until("no more pages that are handed over", |scrape| {
        let now = counted.sum(scrape);
        if now != std::mem::replace(&mut made, now) {
            since = Instant::now();
        }
        now > 0.0 && since.elapsed() > Duration::from_millis(300)
    });
    clients
}
