//! Our own pages (design.md section 4): `/metrics`, `/healthz`, `/test`, and the history's under `/analytics`. Everything else
//! is Ollama's.

mod access;
mod analytics;
mod dashboard;
mod export;
mod records;
mod stream;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::forward::readiness::Readiness;
use crate::history::Archive;
use crate::history::store::Detail;
use crate::http::route::Page;
use crate::metrics::{self, Metrics};
use crate::ollama::client::Ollama;
use crate::pages::access::Asker;
use crate::server::Head;
use crate::server::fault::own_head;
use dashboard::DOCUMENT;

/// What the pages show and whom they ask.
pub struct Pages {
    pub metrics: Arc<Metrics>,
    pub readiness: Arc<Readiness>,
    pub ollama: Ollama,
    /// The upstream as the user named it.
    pub ollama_host: String,
    pub listening: std::net::IpAddr,
    /// This machine's own names, lower case.
    pub names: Vec<String>,
    /// `None` where no history is kept.
    pub archive: Option<Arc<Archive>>,
    /// Opens the history, which nobody sees without it where there is one.
    pub token: Option<String>,
    /// Held by the one long answer that there may be at a time.
    pub long_answer: Mutex<()>,
}

/// What is asked of a page, and by whom.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub head: &'a Head,
    pub peer: std::net::IpAddr,
}

impl Asked<'_> {
    fn target(&self) -> String {
        self.head.target_text().into_owned()
    }

    /// Every name that was given to this machine, that of an absolute target among them.
    fn hosts(&self) -> Vec<String> {
        let of_target = self
            .head
            .target_host()
            .map(|host| String::from_utf8_lossy(host).into_owned());
        self.values("host").into_iter().chain(of_target).collect()
    }

    /// The values of a header; what is no text is none that we know.
    fn values(&self, name: &str) -> Vec<String> {
        self.head
            .values(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }
}

/// What came of it.
pub enum Answered {
    Whole(Answer),
    /// That it would be long, and another such answer is on its way.
    Busy(Answer),
    /// It was long, and went to the outlet while it was made.
    Sent,
    /// The same, but nobody took all of it.
    Left,
}

/// Where an answer goes that is too long to be gathered: a head, which is made for an HTTP version, and pieces.
pub trait BodyWriter {
    fn begin(&mut self, head: &dyn Fn(&str) -> Vec<u8>);
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
    /// Ends it so that it looks broken, by what `why` says.
    fn abort(&mut self, why: &str);
}

/// An answer of ours.
pub struct Answer {
    pub status: u16,
    content_type: &'static str,
    /// `None`: only the head is wanted, and it does not say how long the body would be.
    body: Option<Vec<u8>>,
    /// Lines of the head beyond the usual ones.
    more: String,
}

const GZIPPED: &str = "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";

const JSON: &str = "application/json; charset=utf-8";

impl Pages {
    /// Answers a request for `page`: whole, or through `outlet` where it is long.
    pub fn answer(&self, page: Page, asked: &Asked, outlet: &mut dyn BodyWriter) -> Answered {
        Answered::Whole(match (page, self.history(page, asked)) {
            (Page::Metrics | Page::Healthz | Page::Test | Page::Dashboard, _) => {
                self.public(page, asked)
            }
            (Page::Nowhere, _) => json_answer(
                404,
                &json!({ "error": "there is no such page; this port has only the tap's own" }),
            ),
            (_, Err(refusal)) => refusal,
            (Page::Export, Ok(archive)) => return export::answer(self, archive, asked, outlet),
            (Page::Search, Ok(archive)) => {
                return records::list(self, archive, Detail::Whole, asked, outlet);
            }
            (Page::Messages, Ok(archive)) => {
                return records::list(self, archive, Detail::Brief, asked, outlet);
            }
            (Page::Message, Ok(archive)) => return records::one(self, archive, asked, outlet),
            (_, Ok(archive)) => analytics::answer(page, &asked.target(), archive),
        })
    }

    /// `/healthz`, which needs nobody's time.
    pub fn health(&self, asked: &Asked) -> Answer {
        self.public(Page::Healthz, asked)
    }

    /// What everybody may see who names this machine as it is named.
    fn public(&self, page: Page, asked: &Asked) -> Answer {
        if !access::hosts_are_allowed(
            asked.hosts().iter().map(String::as_str),
            self.listening,
            &self.names,
        ) {
            let error = "the Host header names none of this machine's own names; ask by localhost or an address";
            return json_answer(403, &json!({ "error": error }));
        }
        let accepted = asked.head.text("accept-encoding").unwrap_or_default();
        match page {
            Page::Metrics => self.metrics(accepted),
            Page::Test => self.test(),
            Page::Dashboard => DOCUMENT.answer(accepts_gzip(accepted)),
            _ => json_answer(200, &json!({ "ollama_tap": env!("CARGO_PKG_VERSION") })),
        }
    }

    /// The history, for those who may see it; who deletes it need not wait until it is open.
    fn history(&self, page: Page, asked: &Asked) -> Result<&Archive, Answer> {
        let (hosts, origins, sites) = (
            asked.hosts(),
            asked.values("origin"),
            asked.values("sec-fetch-site"),
        );
        let asker = Asker {
            peer: asked.peer,
            hosts: &texts(&hosts),
            origins: &texts(&origins),
            sites: &texts(&sites),
            authorization: asked.head.text("authorization"),
            is_forwarded: asked
                .head
                .fields()
                .any(|field| access::is_of_a_proxy(field.name)),
        };
        if let Err(why) = asker.may_read(self.token.as_deref()) {
            let way_out = match self.token {
                Some(_) => {
                    "send `Authorization: Bearer TOKEN` (on a terminal set OLLAMA_TAP_TOKEN, or be who started the tap)"
                }
                None => {
                    "ask from this machine by localhost, or start the tap with --token and send `Authorization: Bearer TOKEN`"
                }
            };
            let error = format!("the history is private: {why}; {way_out}");
            return Err(analytics::private(json_answer(
                403,
                &json!({ "error": error }),
            )));
        }
        let way_out = "start the tap with --analytics-backend jsonl, sqlite or loki";
        let error = || json!({ "error": format!("no history is kept (backend none); {way_out}") });
        let none = || analytics::private(json_answer(404, &error()));
        let archive = self.archive.as_deref().ok_or_else(none)?;
        match archive.store.readiness() {
            Err(why) if page != Page::Purge => Err(analytics::refusal(&why)),
            _ => Ok(archive),
        }
    }

    fn metrics(&self, accepted: &str) -> Answer {
        self.metrics.set_ollama_up(self.readiness.is_up());
        let text = self.metrics.encode();
        let plain = Answer {
            status: 200,
            content_type: metrics::CONTENT_TYPE,
            body: None,
            more: String::new(),
        };
        if accepts_gzip(accepted)
            && let Ok(body) = compress(&text)
        {
            return Answer {
                body: Some(body),
                more: GZIPPED.to_owned(),
                ..plain
            };
        }
        Answer {
            body: Some(text),
            ..plain
        }
    }

    fn test(&self) -> Answer {
        match self.ollama.models() {
            Ok(models) => json_answer(
                200,
                &json!({ "status": "ok", "ollama_host": self.ollama_host, "ollama_reachable": true, "models": models }),
            ),
            Err(error) => json_answer(
                503,
                &json!({ "status": "error", "ollama_host": self.ollama_host, "ollama_reachable": false, "models": [], "error": error }),
            ),
        }
    }
}

impl Answer {
    /// Without its empty line and the headers of the hop.
    pub fn head(&self, version: &str) -> Vec<u8> {
        let mut head = own_head(
            version,
            self.status,
            self.content_type,
            self.body.as_ref().map(Vec::len),
        );
        head.extend_from_slice(self.more.as_bytes());
        head
    }

    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }
}

fn texts(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

fn json_answer(status: u16, body: &serde_json::Value) -> Answer {
    Answer {
        status,
        content_type: JSON,
        body: Some(body.to_string().into_bytes()),
        more: String::new(),
    }
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
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named
            && !parts.any(|weight| {
                weight
                    .strip_prefix("q=")
                    .and_then(|q| q.parse::<f32>().ok())
                    == Some(0.0)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_when_it_is_wanted() {
        assert!(accepts_gzip("gzip") && accepts_gzip("deflate, GZip;q=0.5"));
        assert!(
            !accepts_gzip("")
                && !accepts_gzip("identity")
                && !accepts_gzip("gzip;q=0")
                && !accepts_gzip("x-gzip2")
        );
    }
}
