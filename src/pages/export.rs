//! `/analytics/export`: every record that is meant, oldest first, sent while it is read, so that a million take flat memory.

use chrono::Local;

use super::analytics::{PRIVATE, Pairs, bad, pairs, query, refusal};
use crate::archive::Archive;
use crate::client::Client;
use crate::export::{Format, Writer};
use crate::reply::{Frame, Manners, Reply};
use crate::store::{Flow, Query, Result, StoreError};

/// Bytes that are gathered before they are sent.
const PIECE: usize = 32 * 1024;

/// Answers and returns the status, or `None` if the client left.
pub fn answer(archive: &Archive, client: Client) -> Option<u16> {
    let (format, query) = match asked(pairs(client.request.url())) {
        Ok(asked) => asked,
        Err(why) => return refusal(&why).send(client),
    };
    let manners = Manners::of(&client);
    let mut stream = Stream { head: head(manners.version(), format), manners, pending: Vec::new(), reply: None, client: Some(client) };
    if manners.head_only {
        return stream.end(Ok(()));
    }
    let mut writer = Writer::new(format);
    writer.begin(&mut stream.pending);
    let mut gone = false;
    let read = archive.store.each(&query, &mut |record| {
        writer.record(&record, &mut stream.pending);
        gone = stream.pending.len() >= PIECE && stream.flush().is_none();
        if gone { Flow::Stop } else { Flow::GoOn }
    });
    writer.end(&mut stream.pending);
    if gone { None } else { stream.end(read) }
}

/// The format and the filters, which are a search's without those of its pages.
fn asked(mut pairs: Pairs) -> Result<(Format, Query)> {
    let mut format = Format::Json;
    for (name, value) in &pairs {
        match name.as_str() {
            "format" => format = value.parse().map_err(|()| bad(name, value, Format::NAMES))?,
            "limit" | "before" => return Err(bad(name, value, "nothing: an export is whole; start_time and end_time bound it")),
            _ => {}
        }
    }
    pairs.retain(|(name, _)| name != "format");
    Ok((format, query(&pairs)?))
}

fn head(version: &str, format: Format) -> Vec<u8> {
    let name = format!("ollama-tap-{}.{}", Local::now().format("%Y%m%d-%H%M%S"), format.ending());
    let disposition = format!("Content-Disposition: attachment; filename=\"{name}\"");
    format!("{version} 200 OK\r\nContent-Type: {}\r\n{disposition}\r\n{PRIVATE}", format.content_type()).into_bytes()
}

/// A reply that begins with its first bytes, so that what fails before them is still told as an error.
struct Stream {
    head: Vec<u8>,
    manners: Manners,
    pending: Vec<u8>,
    reply: Option<(Reply, Frame)>,
    client: Option<Client>,
}

impl Stream {
    /// Sends what is pending; `None` if the client left.
    fn flush(&mut self) -> Option<()> {
        if let Some(client) = self.client.take() {
            let reply = Reply::new(client, self.manners, std::mem::take(&mut self.head), self.manners.framing(200, false)).ok()?;
            self.reply = Some((reply, Frame::of(PIECE)));
        }
        let (reply, frame) = self.reply.as_mut()?;
        let mut rest = self.pending.as_slice();
        while !rest.is_empty() {
            let length = frame.read_from(&mut rest).ok()?;
            reply.send(frame, length).ok()?;
        }
        self.pending.clear();
        Some(())
    }

    /// Ends the reply as the reading ended.
    fn end(mut self, read: Result<()>) -> Option<u16> {
        match read {
            Ok(()) => {
                self.flush()?;
                self.reply?.0.end().ok()?;
                Some(200)
            }
            Err(why) => self.fail(&why),
        }
    }

    fn fail(self, why: &StoreError) -> Option<u16> {
        log::warn!("export: {why}");
        match (self.client, self.reply) {
            (Some(client), _) => refusal(why).send(client),
            (None, Some((reply, _))) => {
                reply.abort();
                Some(200)
            }
            (None, None) => None,
        }
    }
}
