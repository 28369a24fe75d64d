//! Our own pages (design.md section 4): `/metrics`, `/healthz`, `/test`, and the history's under `/analytics`. Everything else
//! is Ollama's.

mod analytics;
mod dashboard;
mod export;
mod records;
mod stream;

use std::io::Write;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::archive::Archive;
use crate::client::Client;
use crate::fault::own_head;
use crate::guard::{self, Asker};
use crate::metrics::{self, Metrics};
use crate::ollama::Ollama;
use crate::reply::{Manners, Reply};
use crate::route::Page;
use crate::store::Detail;
use dashboard::DOCUMENT;

/// What the pages show and whom they ask.
pub struct Pages {
    pub metrics: Arc<Metrics>,
    pub ollama: Ollama,
    /// The upstream as the user named it.
    pub ollama_host: String,
    pub listening: std::net::IpAddr,
    /// This machine's own names, lower case.
    pub names: Vec<String>,
    /// `None` where no history is kept.
    pub archive: Option<Arc<Archive>>,
    /// Opens the history to other machines.
    pub token: Option<String>,
    /// Held by the one long answer that there may be at a time.
    pub long_answer: Mutex<()>,
}

/// An answer of ours.
struct Answer {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    /// Lines of the head beyond the usual ones.
    more: String,
}

const GZIPPED: &str = "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";

const JSON: &str = "application/json; charset=utf-8";

impl Pages {
    /// Answers a request for `page` and returns the status, or `None` if the client left.
    pub fn answer(&self, page: Page, client: Client) -> Option<u16> {
        let answer = match (page, self.history(&client)) {
            (Page::Metrics | Page::Healthz | Page::Test | Page::Dashboard, _) => self.public(page, &client),
            (_, Err(refusal)) => refusal,
            (Page::Export, Ok(archive)) => return export::answer(self, archive, client),
            (Page::Search, Ok(archive)) => return records::list(self, archive, Detail::Whole, client),
            (Page::Messages, Ok(archive)) => return records::list(self, archive, Detail::Brief, client),
            (Page::Message, Ok(archive)) => return records::one(self, archive, client),
            (_, Ok(archive)) => analytics::answer(page, client.request.url(), archive),
        };
        answer.send(client)
    }

    /// What everybody may see who names this machine as it is named.
    fn public(&self, page: Page, client: &Client) -> Answer {
        if !guard::hosts_are_allowed(client.headers("host"), self.listening, &self.names) {
            let error = "the Host header names none of this machine's own names; ask by localhost or an address";
            return json_answer(403, &json!({ "error": error }));
        }
        let accepted = client.header("accept-encoding").unwrap_or_default();
        match page {
            Page::Metrics => self.metrics(accepted),
            Page::Test => self.test(),
            Page::Dashboard => DOCUMENT.answer(accepts_gzip(accepted)),
            _ => json_answer(200, &json!({ "ollama_tap": env!("CARGO_PKG_VERSION") })),
        }
    }

    /// The history, for those who may see it.
    fn history(&self, client: &Client) -> Result<&Archive, Answer> {
        let (hosts, origins): (Vec<&str>, Vec<&str>) = (client.headers("host").collect(), client.headers("origin").collect());
        let asker = Asker {
            peer: client.peer.ip(),
            hosts: &hosts,
            origins: &origins,
            authorization: client.header("authorization"),
            is_forwarded: ["forwarded", "x-forwarded-for", "x-real-ip"].into_iter().any(|name| client.header(name).is_some()),
        };
        if let Err(why) = asker.may_read(self.token.as_deref()) {
            let way_out = "ask from this machine by localhost, or start the tap with --token and send `Authorization: Bearer TOKEN`";
            let error = format!("the history is private: {why}; {way_out}");
            return Err(analytics::private(json_answer(403, &json!({ "error": error }))));
        }
        let way_out = "start the tap with --analytics-backend jsonl, sqlite or loki";
        let error = || json!({ "error": format!("no history is kept (backend none); {way_out}") });
        let none = || analytics::private(json_answer(404, &error()));
        self.archive.as_deref().ok_or_else(none)
    }

    fn metrics(&self, accepted: &str) -> Answer {
        let text = self.metrics.encode();
        let plain = Answer { status: 200, content_type: metrics::CONTENT_TYPE, body: text, more: String::new() };
        if !accepts_gzip(accepted) {
            return plain;
        }
        match compress(&plain.body) {
            Ok(body) => Answer { body, more: GZIPPED.to_owned(), ..plain },
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

impl Answer {
    /// Sends it and returns its status, or `None` if the client left.
    fn send(self, client: Client) -> Option<u16> {
        let manners = Manners::of(&client);
        let mut head = own_head(manners.version(), self.status, self.content_type, self.body.len());
        head.extend_from_slice(self.more.as_bytes());
        let reply = Reply::new(client, manners, head, manners.framing(self.status, true)).ok()?;
        reply.send_whole(if manners.head_only { &[] } else { &self.body }).ok()?;
        Some(self.status)
    }
}

fn json_answer(status: u16, body: &serde_json::Value) -> Answer {
    Answer { status, content_type: JSON, body: body.to_string().into_bytes(), more: String::new() }
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
