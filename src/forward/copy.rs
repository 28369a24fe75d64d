//! COPY: the reply on its way to the client: read, write, flush, and only then observe.

use std::io::{self, Read};
use std::time::Instant;

use ureq::http::Response;

use super::control::{ConnectionControl, ReplyStart};
use super::failure::Failure;
use super::{ForwardReport, WorkerState, headers};
use crate::forward::readiness::Readiness;
use crate::http::agent::UpstreamErrorKind;
use crate::observe::{CANCELLED_THROUGH_TAP, Observer};
use crate::platform;
use crate::server::chunk_buffer::ChunkBuffer;
use crate::server::response::{Persistence, ResponseFraming, ResponseMode};
use crate::server::{Connection, ReplyFraming, ResponseWriter};
use crate::util::budget::Reservation;

/// A reply of a known length up to this many bytes is read whole before its head goes out, so that one that breaks
/// off becomes a clean error. It streams if no memory is left for it.
const WHOLE_REPLY_MAX: u64 = 1024 * 1024;

/// The failure of a reply, with the connection if nothing was sent on it yet.
type CopyError = Box<(Failure, Option<Connection>)>;

/// Copies `response` to the client, and gives its connection back.
pub fn reply(
    response: Response<ureq::Body>,
    conn: Connection,
    mode: ResponseMode,
    worker: &mut WorkerState,
    mut observer: Option<&mut Observer>,
    report: &mut ForwardReport,
) -> Result<(Connection, Persistence), CopyError> {
    let WorkerState {
        upstream,
        buffer,
        readiness,
    } = worker;
    let control = &*upstream.control;
    let Some(ReplyStart {
        head: reply,
        has_body_bytes,
    }) = control.take_reply()
    else {
        let text = "read ollama's reply: its head is missing".into();
        let failure = Failure::Upstream(UpstreamErrorKind::Invalid, text);
        return Err(Box::new((failure, Some(conn))));
    };
    let status = reply.status();
    readiness.note_reply(status);
    let length = match reply.framing() {
        ReplyFraming::Length(length) => Some(length),
        ReplyFraming::Chunked | ReplyFraming::Close => None,
    };
    let framing = mode.framing(status, length.is_some());
    let head = headers::reply_head(&reply, mode.version(), framing);
    let mut memory = Reservation::new(&conn.context.budget);
    let mut source = ReplySource {
        reader: response.into_body().into_reader(),
        control,
        readiness,
    };
    let whole = match source.read_if_short(framing, length, &mut memory) {
        Ok(whole) => whole,
        Err(failure) => return Err(Box::new((failure, Some(conn)))),
    };
    let mut writer = ResponseWriter::new(conn, mode, head, framing);
    report.status = Some(status);
    if let Some(observer) = &mut observer {
        let (content_type, encoding) = (reply.text("content-type"), reply.text("content-encoding"));
        observer.head(status, content_type, encoding);
    }
    if let Some(body) = whole {
        return send_whole(writer, &body, observer).map_err(|failure| Box::new((failure, None)));
    }
    let result = stream(&mut writer, &mut source, buffer, observer, has_body_bytes)
        .map_err(|failure| failure.attribute(control.cancelled()));
    finish(writer, result).map_err(|failure| Box::new((failure, None)))
}

/// Sends a reply that was read whole.
fn send_whole(
    writer: ResponseWriter,
    body: &[u8],
    observer: Option<&mut Observer>,
) -> Result<(Connection, Persistence), Failure> {
    let now = Instant::now();
    let delivered = writer.send_whole(body).map_err(|_| Failure::ClientGone)?;
    if let Some(observer) = observer {
        observer.body(body, now);
    }
    Ok(delivered)
}

/// The path of every token: nothing here allocates, locks or parses before the flush.
fn stream(
    writer: &mut ResponseWriter,
    source: &mut ReplySource,
    buffer: &mut ChunkBuffer,
    mut observer: Option<&mut Observer>,
    has_body_bytes: bool,
) -> Result<(), Failure> {
    if !has_body_bytes {
        writer.send_head().map_err(|_| Failure::ClientGone)?;
    }
    // A stream may last for minutes, and there may be a thousand; the calls before needed far more stack than the loop.
    platform::resources::release_stack();
    loop {
        let amount = source.read(buffer)?;
        let now = Instant::now();
        if amount == 0 {
            return Ok(());
        }
        writer
            .send(buffer, amount)
            .map_err(|_| Failure::ClientGone)?;
        if let Some(observer) = &mut observer {
            observer.body(buffer.data(amount), now);
        }
    }
}

fn finish(
    writer: ResponseWriter,
    result: Result<(), Failure>,
) -> Result<(Connection, Persistence), Failure> {
    match result {
        Ok(()) => writer.end().map_err(|_| Failure::ClientGone),
        Err(failure) => {
            match &failure {
                Failure::Upstream(_, why) => writer.abort(why),
                Failure::Cancelled => writer.abort(CANCELLED_THROUGH_TAP),
                Failure::ClientGone | Failure::Refused(..) => writer.abort("its client has left"),
            }
            Err(failure)
        }
    }
}

/// The body of a reply, and the control that tells a clean end of it from others.
struct ReplySource<'a> {
    reader: ureq::BodyReader<'static>,
    control: &'a ConnectionControl,
    readiness: &'a Readiness,
}

impl ReplySource<'_> {
    fn read(&mut self, buffer: &mut ChunkBuffer) -> Result<usize, Failure> {
        match buffer.read_from(&mut self.reader) {
            Ok(0) => self.check_end().map(|()| 0),
            Ok(amount) => {
                self.readiness.note_activity();
                Ok(amount)
            }
            Err(e) => Err(read_error(&e)),
        }
    }

    /// Reads the whole body of a short reply, for which `memory` is reserved. Returns `None` for a reply that must be streamed.
    fn read_if_short(
        &mut self,
        framing: ResponseFraming,
        length: Option<u64>,
        memory: &mut Reservation,
    ) -> Result<Option<Vec<u8>>, Failure> {
        match (framing, length) {
            (ResponseFraming::None, _) => Ok(Some(Vec::new())),
            (_, Some(length)) if length <= WHOLE_REPLY_MAX && memory.cover(length as usize) => {
                self.read_whole(length).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn read_whole(&mut self, length: u64) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::with_capacity(length as usize);
        self.reader
            .read_to_end(&mut body)
            .map_err(|e| read_error(&e))?;
        self.check_end()?;
        Ok(body)
    }

    /// Checks for a clean end. A body that only the close delimits ends the same way when Ollama dies and when we cancel it.
    fn check_end(&self) -> Result<(), Failure> {
        if self.control.ends_cleanly() {
            return Ok(());
        }
        let text = "read ollama's reply: the connection was reset".into();
        Err(Failure::Upstream(UpstreamErrorKind::Body, text))
    }
}

fn read_error(error: &io::Error) -> Failure {
    let cause = error.to_string().to_lowercase();
    Failure::Upstream(
        UpstreamErrorKind::Body,
        format!("read ollama's reply: it broke off: {cause}"),
    )
}
