//! SEND: the stand-in's bytes on their way: whole pages, and streams whose every chunk has its time.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use tiny_http::StatusCode;

use super::answer::Chunk;
use super::lists::Page;
use crate::client::Client;
use crate::connections::Flight;
use crate::reply::{Frame, Manners, Reply};

/// How often a worker that paces a reply looks whether anybody still waits for it.
const LOOK: Duration = Duration::from_millis(100);

/// The most that one chunk of a reply holds (bytes).
const FRAME_MAX: usize = 32 * 1024;

/// Header of every reply, so that even a vector is marked.
const MARK: &str = "X-Ollama-Tap-Demo: no model was asked\r\n";

/// Waits until then, or until nobody waits for the answer any more.
pub fn pause(until: Instant, flight: &Flight) {
    while flight.is_cut().is_none() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(LOOK));
    }
}

/// Sends each chunk at its time after `began`.
pub fn send_stream(client: Client, kind: &str, chunks: Vec<Chunk>, began: Instant, flight: &Flight) -> io::Result<()> {
    let manners = Manners::of(&client);
    let framing = manners.framing(200, false);
    let mut reply = Reply::new(client, manners, head(&manners, 200, kind), framing)?;
    let longest = chunks.iter().map(|chunk| chunk.text.len()).max().unwrap_or_default();
    let mut frame = Frame::of(longest.min(FRAME_MAX));
    for chunk in chunks {
        pause(began + chunk.at, flight);
        let mut text = chunk.text.as_bytes();
        while !text.is_empty() {
            let length = frame.read_from(&mut text)?;
            reply.send(&mut frame, length)?;
        }
    }
    reply.end()
}

pub fn send_page(client: Client, page: &Page) -> io::Result<()> {
    let manners = Manners::of(&client);
    let mut head = head(&manners, page.status, page.content_type);
    head.extend_from_slice(format!("Content-Length: {}\r\n", page.body.len()).as_bytes());
    if let Some(allow) = page.allow {
        head.extend_from_slice(format!("Allow: {allow}\r\n").as_bytes());
    }
    let framing = manners.framing(page.status, true);
    let reply = Reply::new(client, manners, head, framing)?;
    reply.send_whole(if manners.head_only { &[] } else { page.body.as_bytes() })
}

fn head(manners: &Manners, status: u16, kind: &str) -> Vec<u8> {
    let reason = StatusCode(status).default_reason_phrase();
    let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    format!("{} {status} {reason}\r\nContent-Type: {kind}\r\nDate: {date}\r\n{MARK}", manners.version()).into_bytes()
}
