//! Lines out of bytes that come split anywhere.

use memchr::{memchr, memchr2};

use super::scraps::TAIL;

/// The longest line that is kept whole, in bytes: Ollama's own clients refuse longer ones.
pub const MAX_LINE: usize = 8 << 20;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Whole(&'a [u8]),
    /// The last bytes of a line over `MAX_LINE`.
    Tail(&'a [u8]),
}

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// LF; a CR before it is no part of the line.
    #[default]
    LineFeed,
    /// LF, CR, or both in this order, as event streams have them.
    Any,
}

/// Splits at the ends of lines; keeps only what a piece began and did not end.
#[derive(Debug, Default)]
pub struct Lines {
    ends: Ends,
    partial: Vec<u8>,
    overlong: bool,
    /// The last line ended with a CR, of which an LF that follows is a part.
    after_cr: bool,
}

impl Lines {
    pub fn new(ends: Ends) -> Lines {
        Lines {
            ends,
            ..Lines::default()
        }
    }

    /// Calls `each` for every line that `bytes` complete.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = self.end_of_line(bytes) else {
                return self.keep(bytes);
            };
            if self.partial.is_empty() && end <= MAX_LINE {
                each(Line::Whole(self.without_cr(&bytes[..end])));
            } else {
                self.keep(&bytes[..end]);
                self.end(&mut each);
            }
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
        }
    }

    fn end_of_line(&self, bytes: &[u8]) -> Option<usize> {
        match self.ends {
            Ends::LineFeed => memchr(b'\n', bytes),
            Ends::Any => memchr2(b'\n', b'\r', bytes),
        }
    }

    fn without_cr<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        if self.ends == Ends::LineFeed {
            line.strip_suffix(b"\r").unwrap_or(line)
        } else {
            line
        }
    }

    /// Calls `each` for what stands after the last end of a line, if anything does.
    pub fn end(&mut self, mut each: impl FnMut(Line<'_>)) {
        let overlong = std::mem::take(&mut self.overlong);
        let line = self.without_cr(&self.partial);
        if overlong {
            each(Line::Tail(&line[line.len().saturating_sub(TAIL)..]));
        } else if !line.is_empty() {
            each(Line::Whole(line));
        }
        self.partial.clear();
    }

    /// How much is kept of the line that is coming in (bytes).
    pub fn kept(&self) -> usize {
        self.partial.len()
    }

    /// Keeps of this line no more than its tail.
    pub fn stop_keeping(&mut self) {
        self.overlong |= self.partial.len() > 2 * TAIL;
        self.keep(&[]);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        self.overlong |= self.partial.len() > MAX_LINE;
        if self.overlong && self.partial.len() > 2 * TAIL {
            self.partial.drain(..self.partial.len() - TAIL);
            self.partial.shrink_to(4 * TAIL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<(bool, Vec<u8>)> {
        split_at(Ends::LineFeed, pieces)
    }

    fn split_at(ends: Ends, pieces: &[&[u8]]) -> Vec<(bool, Vec<u8>)> {
        let mut found = Vec::new();
        let mut each = |line: Line<'_>| match line {
            Line::Whole(line) => found.push((true, line.to_vec())),
            Line::Tail(line) => found.push((false, line.to_vec())),
        };
        let mut lines = Lines::new(ends);
        pieces.iter().for_each(|piece| lines.feed(piece, &mut each));
        lines.end(&mut each);
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
            let found = split_at(Ends::Any, &[&text[..at], b"", &text[at..]]);
            assert!(
                found.iter().map(|(_, line)| line.as_slice()).eq(expected),
                "split at {at}"
            );
        }
    }

    #[test]
    fn of_a_line_that_is_too_long_only_the_tail_is_kept() {
        let long = [vec![b'x'; MAX_LINE], b"tail\nnext\n".to_vec()].concat();
        let pieces: Vec<&[u8]> = long.chunks(70_001).collect();
        let found = split(&pieces);
        assert_eq!(found.len(), 2);
        assert!(!found[0].0 && found[0].1.len() == TAIL && found[0].1.ends_with(b"xtail"));
        assert_eq!(found[1], (true, b"next".to_vec()));
        assert_eq!(split(&[&long]), found);
    }
}
