//! The reply on its way to the client: read, write, flush, and only then look.

use std::io::Read;
use std::time::Instant;

use ureq::http::Response;

use super::failure::{Failure, Kind};
use super::line::Line;
use super::{Hands, Report, blame, headers};
use crate::forward::readiness::Readiness;
use crate::observe::Observer;
use crate::platform;
use crate::server::reply::{Frame, Framing, Manners, Reply};
use crate::server::{Connection, ReplyFraming, Then};
use crate::util::budget::Reservation;

/// A reply of a known length up to this many bytes is read whole before its head goes out, so that one that breaks
/// off becomes a clean error. Where no memory is left for it, it streams.
const WHOLE_MAX: u64 = 1024 * 1024;

/// How a reply failed, with the connection where nothing was sent on it yet.
type Failed = Box<(Failure, Option<Connection>)>;

/// Copies `response` to the client, and gives its connection back.
pub fn reply(
    response: Response<ureq::Body>,
    conn: Connection,
    manners: Manners,
    hands: &mut Hands,
    mut observer: Option<&mut Observer>,
    report: &mut Report,
) -> Result<(Connection, Then), Failed> {
    let Hands {
        courier,
        frame,
        readiness,
    } = hands;
    let Some((raw, body_began)) = courier.line.take_reply_head() else {
        let text = "read ollama's reply: its head is missing".into();
        return Err(Box::new((
            Failure::Upstream(Kind::Invalid, text),
            Some(conn),
        )));
    };
    let status = raw.status();
    readiness.note_reply(status);
    let length = if let ReplyFraming::Length(length) = raw.framing() {
        Some(length)
    } else {
        None
    };
    let framing = manners.framing(status, length.is_some());
    let head = headers::reply_head(&raw, manners.version(), framing);
    let mut memory = Reservation::new(&conn.context.budget);
    let mut source = Source {
        reader: response.into_body().into_reader(),
        line: &courier.line,
        readiness,
    };

    let whole = match (framing, length) {
        (Framing::None, _) => Some(Vec::new()),
        (_, Some(length)) if length <= WHOLE_MAX && memory.cover(length as usize) => {
            match source.read_whole(length) {
                Ok(body) => Some(body),
                Err(failure) => return Err(Box::new((failure, Some(conn)))),
            }
        }
        _ => None,
    };
    let mut reply = Reply::new(conn, manners, head, framing);
    report.status = Some(status);
    if let Some(observer) = &mut observer {
        observer.head(
            status,
            raw.text("content-type"),
            raw.text("content-encoding"),
        );
    }
    if let Some(body) = whole {
        let now = Instant::now();
        let sent = reply
            .send_whole(&body)
            .map_err(|_| Box::new((Failure::ClientGone, None)))?;
        if let Some(observer) = observer {
            observer.body(&body, now);
        }
        return Ok(sent);
    }
    let result = stream(&mut reply, &mut source, frame, observer, body_began)
        .map_err(|failure| blame(failure, source.line));
    finish(reply, result).map_err(|failure| Box::new((failure, None)))
}

/// The path of every token: nothing here allocates, locks or parses before the flush.
fn stream(
    reply: &mut Reply,
    source: &mut Source,
    frame: &mut Frame,
    mut observer: Option<&mut Observer>,
    body_began: bool,
) -> Result<(), Failure> {
    if !body_began {
        reply.send_head().map_err(|_| Failure::ClientGone)?;
    }
    // A stream may last for minutes, and there may be a thousand; what led to here needed far more stack than the loop.
    platform::resources::release_stack();
    loop {
        let amount = source.read(frame)?;
        let now = Instant::now();
        if amount == 0 {
            return Ok(());
        }
        reply.send(frame, amount).map_err(|_| Failure::ClientGone)?;
        if let Some(observer) = &mut observer {
            observer.body(frame.data(amount), now);
        }
    }
}

fn finish(reply: Reply, result: Result<(), Failure>) -> Result<(Connection, Then), Failure> {
    match result {
        Ok(()) => reply.end().map_err(|_| Failure::ClientGone),
        Err(failure) => {
            match &failure {
                Failure::Upstream(_, why) => reply.abort(why),
                _ => reply.abort("its client has left"),
            }
            Err(failure)
        }
    }
}

/// The body of a reply, and what tells a clean end of it from others.
struct Source<'a> {
    reader: ureq::BodyReader<'static>,
    line: &'a Line,
    readiness: &'a Readiness,
}

impl Source<'_> {
    fn read(&mut self, frame: &mut Frame) -> Result<usize, Failure> {
        match frame.read_from(&mut self.reader) {
            Ok(0) => self.check_end().map(|()| 0),
            Ok(amount) => {
                self.readiness.note_activity();
                Ok(amount)
            }
            Err(e) => Err(broke(&e)),
        }
    }

    fn read_whole(&mut self, length: u64) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::with_capacity(length as usize);
        self.reader.read_to_end(&mut body).map_err(|e| broke(&e))?;
        self.check_end()?;
        Ok(body)
    }

    /// A body that only the close delimits ends the same way when Ollama dies and when we cut it.
    fn check_end(&self) -> Result<(), Failure> {
        match (self.line.is_broken(), self.line.is_cut()) {
            (false, None) => Ok(()),
            _ => Err(Failure::Upstream(
                Kind::Body,
                "read ollama's reply: the connection was reset".into(),
            )),
        }
    }
}

fn broke(error: &std::io::Error) -> Failure {
    Failure::Upstream(
        Kind::Body,
        format!(
            "read ollama's reply: it broke off: {}",
            error.to_string().to_lowercase()
        ),
    )
}
