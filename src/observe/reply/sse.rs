//! Parses an event stream (server-sent events), as WHATWG HTML 9.2.6, "Interpreting an event
//! stream", defines it, and as servers write it: without the last empty line, or with whole objects
//! that no empty line separates.

use std::time::Instant;

use super::lines::{LineEnding, LineSplitter, SplitLine};
use crate::observe::limits::{MAX_LINE, TAIL_SIZE};

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub enum SseEvent<'a> {
    Data(&'a [u8]),
    /// The data of an event named `error`, or of a field of that name, which llama.cpp used to
    /// send.
    Error(&'a [u8]),
    /// The last bytes of a line that is too long.
    Tail(&'a [u8]),
}

/// Splits bytes into events. Their names are not needed, since every object says what it is.
#[derive(Debug)]
pub struct SseParser {
    lines: LineSplitter,
    pending: PendingEvent,
}

/// The event that is being received.
#[derive(Debug, Default)]
struct PendingEvent {
    data: Vec<u8>,
    /// LineSplitter of data so far.
    lines: u64,
    is_error: bool,
    /// The arrival of the last of them.
    at: Option<Instant>,
}

impl SseParser {
    pub fn new() -> SseParser {
        SseParser {
            lines: LineSplitter::new(LineEnding::Any),
            pending: PendingEvent::default(),
        }
    }

    /// Calls `on_event` for every event that `bytes`, which arrived at `at`, complete.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        at: Instant,
        mut on_event: impl FnMut(SseEvent<'_>, Instant),
    ) {
        let pending = &mut self.pending;
        self.lines
            .feed(bytes, |line| pending.add_line(line, at, &mut on_event));
    }

    /// Calls `on_event` for an event that has no end.
    pub fn finish(&mut self, at: Instant, mut on_event: impl FnMut(SseEvent<'_>, Instant)) {
        let pending = &mut self.pending;
        self.lines
            .finish(|line| pending.add_line(line, at, &mut on_event));
        pending.dispatch(&mut on_event);
    }

    /// Returns how much of the current event is buffered, in bytes.
    pub fn buffered_bytes(&self) -> usize {
        self.lines.buffered_bytes() + self.pending.data.len()
    }

    /// Keeps no more than a part of this event.
    pub fn stop_buffering(&mut self) {
        self.lines.stop_buffering();
        self.pending.data.truncate(TAIL_SIZE);
    }
}

impl PendingEvent {
    fn add_line(
        &mut self,
        line: SplitLine<'_>,
        at: Instant,
        on_event: &mut impl FnMut(SseEvent<'_>, Instant),
    ) {
        match line {
            SplitLine::Tail(tail) => on_event(SseEvent::Tail(tail), at),
            SplitLine::Whole(b"") => self.dispatch(on_event),
            SplitLine::Whole(line) => self.add_field(line, at, on_event),
        }
    }

    fn add_field(
        &mut self,
        line: &[u8],
        at: Instant,
        on_event: &mut impl FnMut(SseEvent<'_>, Instant),
    ) {
        let colon = line.iter().position(|&byte| byte == b':');
        let (name, value) = colon.map_or((line, &line[..0]), |colon| {
            (&line[..colon], &line[colon + 1..])
        });
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.is_whole_object() && matches!(name, b"data" | b"event" | b"error") {
            self.dispatch(on_event);
        }
        match name {
            b"data" => self.add_data(value, at),
            b"event" => self.is_error = value.trim_ascii() == b"error",
            b"error" => on_event(SseEvent::Error(value), at),
            _ => {} // a comment, `id`, `retry`, or an unknown field
        }
    }

    fn add_data(&mut self, value: &[u8], at: Instant) {
        if self.data.len() + value.len() < MAX_LINE {
            if self.lines > 0 {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
        }
        self.lines += 1;
        self.at = Some(at);
    }

    /// Is its data one line that is an object by itself, so that what follows belongs to another
    /// event?
    fn is_whole_object(&self) -> bool {
        let data = self.data.trim_ascii();
        self.lines == 1
            && (data == b"[DONE]"
                || data.starts_with(b"{")
                    && serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok())
    }

    fn dispatch(&mut self, on_event: &mut impl FnMut(SseEvent<'_>, Instant)) {
        if let Some(at) = self.at.take() {
            on_event(
                if self.is_error {
                    SseEvent::Error(&self.data)
                } else {
                    SseEvent::Data(&self.data)
                },
                at,
            );
        }
        self.data.clear();
        (self.lines, self.is_error) = (0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pieces: &[&[u8]]) -> Vec<String> {
        let (mut events, mut found, at) = (SseParser::new(), Vec::new(), Instant::now());
        let mut on_event = |event: SseEvent<'_>, _| {
            found.push(match event {
                SseEvent::Data(data) => String::from_utf8_lossy(data).into_owned(),
                SseEvent::Error(data) => format!("error {}", String::from_utf8_lossy(data)),
                SseEvent::Tail(tail) => format!("tail of {}", tail.len()),
            })
        };
        for piece in pieces {
            events.feed(piece, at, &mut on_event);
        }
        events.finish(at, &mut on_event);
        found
    }

    #[test]
    fn events_are_those_of_the_standard_wherever_the_bytes_are_split() {
        let rows: [(&str, &[&str]); 10] = [
            ("data: a\n\ndata:b\r\n\r\ndata:  c\r\r", &["a", "b", " c"]),
            ("data: one\ndata: two\n\n", &["one\ntwo"]),
            ("data\ndata\n\ndata:\n\n", &["\n", ""]),
            (
                ": hello\n\nid: 7\nretry: 10\nevent: ping\n\nnothing\n\ndata: a\n\n",
                &["a"],
            ),
            ("data: last", &["last"]),
            (
                "data: {\"a\":1}\ndata: {\"a\":2}\ndata: [DONE]\n",
                &["{\"a\":1}", "{\"a\":2}", "[DONE]"],
            ),
            (
                "event: x\ndata: {\"a\":1}\nevent: y\ndata: {\"a\":\ndata: 2}\n\n",
                &["{\"a\":1}", "{\"a\":\n2}"],
            ),
            ("data: [DONE] \n\n", &["[DONE] "]),
            (
                "event: error\ndata: {\"m\":1}\n\ndata: {}\n\n",
                &["error {\"m\":1}", "{}"],
            ),
            ("error: {\"code\":500}\n\n", &["error {\"code\":500}"]),
        ];
        for (text, expected) in rows {
            for at in 0..=text.len() {
                assert_eq!(
                    parse(&[&text.as_bytes()[..at], &text.as_bytes()[at..]]),
                    expected,
                    "{text:?} split at {at}"
                );
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_gives_its_tail() {
        let long = format!("data: {}\n\ndata: b\n\n", "a".repeat(MAX_LINE));
        assert_eq!(
            parse(&[long.as_bytes()]),
            [format!("tail of {TAIL_SIZE}"), "b".to_owned()]
        );
    }
}
