//! EVENTS: the frames of an event stream, as the WHATWG's HTML has it (9.2.6, "Interpreting an event stream"), and what servers make
//! of it: an end without the last empty line, and whole objects without empty lines between them.

use std::time::Instant;

use super::lines::{Ends, Line, Lines, MAX_LINE};
use super::scraps::TAIL;

/// What a frame holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Data(&'a [u8]),
    /// Data of an event whose name is `error`, or a field of that name, as llama.cpp had it.
    Error(&'a [u8]),
    /// The last bytes of a line that is too long.
    Tail(&'a [u8]),
}

/// Splits bytes into frames. Names of events are not needed, since every object says what it is.
#[derive(Debug)]
pub struct Events {
    lines: Lines,
    pending: Pending,
}

/// The frame that is coming in.
#[derive(Debug, Default)]
struct Pending {
    data: Vec<u8>,
    /// Lines of data so far.
    lines: u64,
    is_error: bool,
    /// When the last of them came.
    at: Option<Instant>,
}

impl Events {
    pub fn new() -> Events {
        Events {
            lines: Lines::new(Ends::Any),
            pending: Pending::default(),
        }
    }

    /// Calls `each` for every frame that `bytes`, which came at `at`, complete.
    pub fn feed(&mut self, bytes: &[u8], at: Instant, mut each: impl FnMut(Frame<'_>, Instant)) {
        let pending = &mut self.pending;
        self.lines
            .feed(bytes, |line| pending.take(line, at, &mut each));
    }

    /// Calls `each` for what has no end.
    pub fn end(&mut self, at: Instant, mut each: impl FnMut(Frame<'_>, Instant)) {
        let pending = &mut self.pending;
        self.lines.end(|line| pending.take(line, at, &mut each));
        pending.dispatch(&mut each);
    }

    /// How much is kept of the frame that is coming in (bytes).
    pub fn kept(&self) -> usize {
        self.lines.kept() + self.pending.data.len()
    }

    /// Keeps of this frame no more than a part.
    pub fn stop_keeping(&mut self) {
        self.lines.stop_keeping();
        self.pending.data.truncate(TAIL);
    }
}

impl Pending {
    fn take(&mut self, line: Line<'_>, at: Instant, each: &mut impl FnMut(Frame<'_>, Instant)) {
        match line {
            Line::Tail(tail) => each(Frame::Tail(tail), at),
            Line::Whole(b"") => self.dispatch(each),
            Line::Whole(line) => self.field(line, at, each),
        }
    }

    fn field(&mut self, line: &[u8], at: Instant, each: &mut impl FnMut(Frame<'_>, Instant)) {
        let colon = line.iter().position(|&byte| byte == b':');
        let (name, value) = colon.map_or((line, &line[..0]), |colon| {
            (&line[..colon], &line[colon + 1..])
        });
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.is_whole() && matches!(name, b"data" | b"event" | b"error") {
            self.dispatch(each);
        }
        match name {
            b"data" => self.add(value, at),
            b"event" => self.is_error = value.trim_ascii() == b"error",
            b"error" => each(Frame::Error(value), at),
            _ => {} // a comment, `id`, `retry`, or nothing that is known
        }
    }

    fn add(&mut self, value: &[u8], at: Instant) {
        if self.data.len() + value.len() < MAX_LINE {
            if self.lines > 0 {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
        }
        self.lines += 1;
        self.at = Some(at);
    }

    /// One line of data that is an object by itself, so that what follows belongs to another.
    fn is_whole(&self) -> bool {
        let data = self.data.trim_ascii();
        self.lines == 1
            && (data == b"[DONE]"
                || data.starts_with(b"{")
                    && serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok())
    }

    fn dispatch(&mut self, each: &mut impl FnMut(Frame<'_>, Instant)) {
        if let Some(at) = self.at.take() {
            each(
                if self.is_error {
                    Frame::Error(&self.data)
                } else {
                    Frame::Data(&self.data)
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

    fn frames(pieces: &[&[u8]]) -> Vec<String> {
        let (mut events, mut found, at) = (Events::new(), Vec::new(), Instant::now());
        let mut each = |frame: Frame<'_>, _| {
            found.push(match frame {
                Frame::Data(data) => String::from_utf8_lossy(data).into_owned(),
                Frame::Error(data) => format!("error {}", String::from_utf8_lossy(data)),
                Frame::Tail(tail) => format!("tail of {}", tail.len()),
            })
        };
        pieces
            .iter()
            .for_each(|piece| events.feed(piece, at, &mut each));
        events.end(at, &mut each);
        found
    }

    #[test]
    fn frames_are_those_of_the_standard_wherever_the_bytes_are_split() {
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
                    frames(&[&text.as_bytes()[..at], &text.as_bytes()[at..]]),
                    expected,
                    "{text:?} split at {at}"
                );
            }
        }
    }

    #[test]
    fn of_a_line_that_is_too_long_the_tail_is_shown() {
        let long = format!("data: {}\n\ndata: b\n\n", "a".repeat(MAX_LINE));
        assert_eq!(
            frames(&[long.as_bytes()]),
            [format!("tail of {TAIL}"), "b".to_owned()]
        );
    }
}
