//! Splits bytes, however they arrive, into lines.

use memchr::{memchr, memchr2};

use crate::observe::limits::{MAX_LINE, TAIL_SIZE};

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum SplitLine<'a> {
    Whole(&'a [u8]),
    /// The last bytes of a line over `MAX_LINE`.
    Tail(&'a [u8]),
}

/// The ends of lines that a splitter looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnding {
    /// LF; a CR before it is not part of the line.
    #[default]
    LineFeed,
    /// LF, CR, or CR LF, as in event streams.
    Any,
}

/// Splits bytes at the ends of lines; buffers only a line that has not ended yet.
#[derive(Debug, Default)]
pub struct LineSplitter {
    ending: LineEnding,
    partial: Vec<u8>,
    is_overlong: bool,
    /// The last line ended with a CR: an LF that follows belongs to that end.
    after_cr: bool,
}

impl LineSplitter {
    pub fn new(ending: LineEnding) -> LineSplitter {
        LineSplitter {
            ending,
            ..LineSplitter::default()
        }
    }

    /// Calls `on_line` for every line that `bytes` complete.
    pub fn feed(&mut self, mut bytes: &[u8], mut on_line: impl FnMut(SplitLine<'_>)) {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = self.find_end(bytes) else {
                return self.buffer(bytes);
            };
            if self.partial.is_empty() && end <= MAX_LINE {
                on_line(SplitLine::Whole(self.trim_cr(&bytes[..end])));
            } else {
                self.buffer(&bytes[..end]);
                self.finish(&mut on_line);
            }
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
        }
    }

    fn find_end(&self, bytes: &[u8]) -> Option<usize> {
        match self.ending {
            LineEnding::LineFeed => memchr(b'\n', bytes),
            LineEnding::Any => memchr2(b'\n', b'\r', bytes),
        }
    }

    fn trim_cr<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        if self.ending == LineEnding::LineFeed {
            line.strip_suffix(b"\r").unwrap_or(line)
        } else {
            line
        }
    }

    /// Calls `on_line` for what follows the last end of a line, if anything does.
    pub fn finish(&mut self, mut on_line: impl FnMut(SplitLine<'_>)) {
        let overlong = std::mem::take(&mut self.is_overlong);
        let line = self.trim_cr(&self.partial);
        if overlong {
            on_line(SplitLine::Tail(
                &line[line.len().saturating_sub(TAIL_SIZE)..],
            ));
        } else if !line.is_empty() {
            on_line(SplitLine::Whole(line));
        }
        self.partial.clear();
    }

    /// Returns how much of the current line is buffered, in bytes.
    pub fn buffered_bytes(&self) -> usize {
        self.partial.len()
    }

    /// Buffers only the tail of this line.
    pub fn stop_buffering(&mut self) {
        self.is_overlong |= self.partial.len() > 2 * TAIL_SIZE;
        self.buffer(&[]);
    }

    fn buffer(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        self.is_overlong |= self.partial.len() > MAX_LINE;
        if self.is_overlong && self.partial.len() > 2 * TAIL_SIZE {
            self.partial.drain(..self.partial.len() - TAIL_SIZE);
            self.partial.shrink_to(4 * TAIL_SIZE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<(bool, Vec<u8>)> {
        split_at(LineEnding::LineFeed, pieces)
    }

    fn split_at(ending: LineEnding, pieces: &[&[u8]]) -> Vec<(bool, Vec<u8>)> {
        let mut found = Vec::new();
        let mut each = |line: SplitLine<'_>| match line {
            SplitLine::Whole(line) => found.push((true, line.to_vec())),
            SplitLine::Tail(line) => found.push((false, line.to_vec())),
        };
        let mut lines = LineSplitter::new(ending);
        for piece in pieces {
            lines.feed(piece, &mut each);
        }
        lines.finish(&mut each);
        found
    }

    #[test]
    fn lines_come_out_the_same_wherever_the_bytes_are_split() {
        let text = b"one\r\n\ntwo\nthree";
        let whole = split(&[text]);
        let expected: [&[u8]; 4] = [b"one", b"", b"two", b"three"];
        assert!(whole.iter().map(|(_, line)| line.as_slice()).eq(expected));
        for at in 0..text.len() {
            assert_eq!(split(&[&text[..at], &text[at..]]), whole, "split at {at}");
        }
    }

    #[test]
    fn a_line_of_an_event_stream_has_three_ends() {
        let text = b"one\r\ntwo\rthree\n\r\r\n\nfour\r";
        let expected: [&[u8]; 7] = [b"one", b"two", b"three", b"", b"", b"", b"four"];
        for at in 0..=text.len() {
            let found = split_at(LineEnding::Any, &[&text[..at], b"", &text[at..]]);
            assert!(
                found.iter().map(|(_, line)| line.as_slice()).eq(expected),
                "split at {at}"
            );
        }
    }

    #[test]
    fn only_the_tail_of_a_line_that_is_too_long_is_buffered() {
        let long = [vec![b'x'; MAX_LINE], b"tail\nnext\n".to_vec()].concat();
        let pieces: Vec<&[u8]> = long.chunks(70_001).collect();
        let found = split(&pieces);
        assert_eq!(found.len(), 2);
        assert!(!found[0].0 && found[0].1.len() == TAIL_SIZE && found[0].1.ends_with(b"xtail"));
        assert_eq!(found[1], (true, b"next".to_vec()));
        assert_eq!(split(&[&long]), found);
    }
}
