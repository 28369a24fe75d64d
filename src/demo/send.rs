//! Sends replies: whole ones, and streams whose every chunk has its time.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use tiny_http::{HTTPVersion, Method, Request};

use super::catalog::FixedReply;
use super::generation::TimedChunk;
use crate::server::error_response::reason;

/// A header of every reply, so that embeddings are marked too.
const DEMO_HEADER: &str = "X-Ollama-Tap-Demo: no model was asked\r\n";

pub fn sleep_until(instant: Instant) {
    thread::sleep(instant.saturating_duration_since(Instant::now()));
}

/// Sends each chunk at its time after the arrival. Only the tap connects, so the client always speaks HTTP/1.1.
pub fn send_stream(
    request: Request,
    kind: &str,
    chunks: &[TimedChunk],
    arrival: Instant,
) -> io::Result<()> {
    let head = head(&request, 200, kind);
    // Not even a head comes before the first token.
    let first = chunks.first().map_or(Duration::ZERO, |chunk| chunk.delay);
    sleep_until(arrival + first);
    let mut writer = request.into_writer();
    writer.write_all(&[head.as_bytes(), b"Transfer-Encoding: chunked\r\n\r\n"].concat())?;
    for chunk in chunks.iter().filter(|chunk| !chunk.text.is_empty()) {
        sleep_until(arrival + chunk.delay);
        writer.write_all(format!("{:x}\r\n{}\r\n", chunk.text.len(), chunk.text).as_bytes())?;
        writer.flush()?;
    }
    writer.write_all(b"0\r\n\r\n")?;
    writer.flush()
}

pub fn send_fixed(request: Request, reply: &FixedReply) -> io::Result<()> {
    let mut text = head(&request, reply.status, reply.content_type);
    text += &format!("Content-Length: {}\r\n", reply.body.len());
    if let Some(allow) = reply.allow {
        text += &format!("Allow: {allow}\r\n");
    }
    text += "\r\n";
    if *request.method() != Method::Head {
        text += &reply.body;
    }
    let mut writer = request.into_writer();
    writer.write_all(text.as_bytes())?;
    writer.flush()
}

fn head(request: &Request, status: u16, kind: &str) -> String {
    let HTTPVersion(major, minor) = request.http_version();
    let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    format!(
        "HTTP/{major}.{minor} {status} {}\r\nContent-Type: {kind}\r\nDate: {date}\r\n{DEMO_HEADER}",
        reason(status)
    )
}
