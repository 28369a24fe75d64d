//! Our own pages: `/metrics`, `/healthz`, `/test` (design.md section 4). Everything else is Ollama's.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::client::Client;
use crate::fault::own_head;
use crate::guard;
use crate::metrics::{self, Metrics};
use crate::ollama::Ollama;
use crate::reply::{Manners, Reply};
use crate::route::Page;

/// What the pages show and whom they ask.
pub struct Pages {
    pub metrics: std::sync::Arc<Metrics>,
    pub ollama: Ollama,
    /// The upstream as the user named it.
    pub ollama_host: String,
    pub listening: std::net::IpAddr,
    /// This machine's own names, lower case.
    pub names: Vec<String>,
}

/// An answer of ours.
struct Answer {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    gzip: bool,
}

const JSON: &str = "application/json; charset=utf-8";

impl Pages {
    /// Answers a request for `page` and returns the status, or `None` if the client left.
    pub fn answer(&self, page: Page, client: Client) -> Option<u16> {
        let manners = Manners::of(&client);
        let answer = self.render(page, &client);
        let mut head = own_head(manners.version(), answer.status, answer.content_type, answer.body.len());
        if answer.gzip {
            head.extend_from_slice(b"Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n");
        }
        let reply = Reply::new(client, manners, head, manners.framing(answer.status, true)).ok()?;
        reply.send_whole(if manners.head_only { &[] } else { &answer.body }).ok()?;
        Some(answer.status)
    }

    fn render(&self, page: Page, client: &Client) -> Answer {
        if !guard::host_is_allowed(client.header("host"), self.listening, &self.names) {
            let error = "the Host header names none of this machine's own names; ask by localhost or an address";
            return json_answer(403, &json!({ "error": error }));
        }
        match page {
            Page::Metrics => self.metrics(client.header("accept-encoding").unwrap_or_default()),
            Page::Healthz => json_answer(200, &json!({ "ollama_tap": env!("CARGO_PKG_VERSION") })),
            Page::Test => self.test(),
        }
    }

    fn metrics(&self, accepted: &str) -> Answer {
        let text = self.metrics.encode();
        let plain = Answer { status: 200, content_type: metrics::CONTENT_TYPE, body: text, gzip: false };
        if !accepts_gzip(accepted) {
            return plain;
        }
        match compress(&plain.body) {
            Ok(body) => Answer { body, gzip: true, ..plain },
            Err(_) => plain,
        }
    }

    fn test(&self) -> Answer {
        match self.ollama.models() {
            Ok(models) => {
                json_answer(200, &json!({ "status": "ok", "ollama_host": self.ollama_host, "ollama_reachable": true, "models": models }))
            }
            Err(error) => json_answer(
                503,
                &json!({ "status": "error", "ollama_host": self.ollama_host, "ollama_reachable": false, "models": [], "error": error }),
            ),
        }
    }
}

fn json_answer(status: u16, body: &serde_json::Value) -> Answer {
    Answer { status, content_type: JSON, body: body.to_string().into_bytes(), gzip: false }
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Whether `Accept-Encoding` wants gzip and does not weigh it 0.
fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|weight| weight.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_when_it_is_wanted() {
        assert!(accepts_gzip("gzip") && accepts_gzip("deflate, GZip;q=0.5"));
        assert!(!accepts_gzip("") && !accepts_gzip("identity") && !accepts_gzip("gzip;q=0") && !accepts_gzip("x-gzip2"));
    }
}
