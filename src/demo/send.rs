//! SEND: the stand-in's bytes on their way: whole pages, and streams whose every chunk has its time.

use std::io::{self, Write};
use std::thread;
use std::time::Instant;

use tiny_http::{HTTPVersion, Method, Request};

use super::answer::Chunk;
use super::lists::Page;
use crate::server::fault::reason;

/// Header of every reply, so that even a vector is marked.
const MARK: &str = "X-Ollama-Tap-Demo: no model was asked\r\n";

/// Waits until then.
pub fn pause(until: Instant) {
    thread::sleep(until.saturating_duration_since(Instant::now()));
}

/// Sends each chunk at its time after `began`. Nobody but the tap asks, which speaks HTTP/1.1.
pub fn send_stream(
    request: Request,
    kind: &str,
    chunks: Vec<Chunk>,
    began: Instant,
) -> io::Result<()> {
    let head = head(&request, 200, kind);
    let mut writer = request.into_writer();
    writer.write_all(&[head.as_bytes(), b"Transfer-Encoding: chunked\r\n\r\n"].concat())?;
    for chunk in chunks.iter().filter(|chunk| !chunk.text.is_empty()) {
        pause(began + chunk.at);
        writer.write_all(format!("{:x}\r\n{}\r\n", chunk.text.len(), chunk.text).as_bytes())?;
        writer.flush()?;
    }
    writer.write_all(b"0\r\n\r\n")?;
    writer.flush()
}

pub fn send_page(request: Request, page: &Page) -> io::Result<()> {
    let mut text = head(&request, page.status, page.content_type);
    text += &format!("Content-Length: {}\r\n", page.body.len());
    if let Some(allow) = page.allow {
        text += &format!("Allow: {allow}\r\n");
    }
    text += "\r\n";
    if *request.method() != Method::Head {
        text += &page.body;
    }
    let mut writer = request.into_writer();
    writer.write_all(text.as_bytes())?;
    writer.flush()
}

fn head(request: &Request, status: u16, kind: &str) -> String {
    let HTTPVersion(major, minor) = request.http_version();
    let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    format!(
        "HTTP/{major}.{minor} {status} {}\r\nContent-Type: {kind}\r\nDate: {date}\r\n{MARK}",
        reason(status)
    )
}
