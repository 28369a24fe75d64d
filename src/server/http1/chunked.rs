//! Bodies in chunks, taken apart as they come: `size[;extension] CR LF data CR LF … 0 CR LF [trailers] CR LF`.
//!
//! The bounds are those of Go's net/http: 16 digits, lines of 4,096 bytes, 16 KiB of other bytes beyond what the data
//! makes plausible, and 4,096 bytes of trailers. Extensions and trailers are dropped.

use super::decoded::{Decoded, take};
use super::line::is_token;
use super::refusal::Refusal;

/// Digits of a size, leading zeros too.
const DIGITS_MAX: u8 = 16;

/// Beyond it Go's sums overflow.
const SIZE_MAX: u64 = (1 << 62) - 1;

/// A size, its extension and its CR LF.
const LINE_MAX: u32 = 4096;

/// Bytes beside the data, beyond those that each chunk is granted: 16, and twice its data.
const OVERHEAD_MAX: u64 = 16 << 10;

/// Trailers and the empty line that ends them.
const TRAILERS_MAX: u32 = 4096;

/// The place in a chunked body. Holds no bytes.
#[derive(Clone, Debug, Default)]
pub struct Chunked {
    state: State,
    /// The length of the line that is being read, or of all trailers.
    line: u32,
    overhead: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// In the size, with the number of its digits that were read.
    Size(u64, u8),
    /// Blanks after the size.
    Blank(u64),
    Extension(u64),
    /// After the CR that ends the line of a size.
    SizeEnd(u64),
    /// In the data of a chunk, with the number of its bytes still to come.
    Data(u64),
    /// CR, then LF, after the data.
    DataCr,
    DataLf,
    /// At the beginning of a trailer, or of the empty line.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    End,
}

impl Default for State {
    fn default() -> State {
        State::Size(0, 0)
    }
}

impl Chunked {
    /// See [`BodyDecoder::next`](super::body::BodyDecoder::next).
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Decoded<'a>, Refusal> {
        loop {
            match self.state {
                State::End => return Ok(Decoded::End),
                _ if input.is_empty() => return Ok(Decoded::NeedMore),
                State::Data(remaining) => {
                    let (data, remaining) = take(input, remaining);
                    self.state = if remaining == 0 {
                        State::DataCr
                    } else {
                        State::Data(remaining)
                    };
                    return Ok(Decoded::Data(data));
                }
                _ => {
                    let (byte, rest) = (input[0], &input[1..]);
                    *input = rest;
                    self.state = self.step(byte)?;
                }
            }
        }
    }

    /// The state after `byte`, which is not data.
    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        self.line += 1;
        match self.state {
            State::Size(..) | State::Blank(_) | State::Extension(_) | State::SizeEnd(_) => {
                let next = self.step_in_size(byte)?;
                if self.line < LINE_MAX {
                    Ok(next)
                } else {
                    refuse(&format!(
                        "the size line of a chunk has over {LINE_MAX} bytes; send shorter extensions"
                    ))
                }
            }
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataLf if byte == b'\n' => {
                self.line = 0;
                Ok(State::default())
            }
            State::DataCr | State::DataLf => {
                refuse("a chunk is longer than its size says; end its data with CR LF")
            }
            State::Data(_) | State::End => Ok(self.state),
            _ => match self.step_in_trailers(byte)? {
                State::End => Ok(State::End),
                next if self.line < TRAILERS_MAX => Ok(next),
                _ => refuse(&format!(
                    "the trailers of a chunked body have over {TRAILERS_MAX} bytes; send them in the head"
                )),
            },
        }
    }

    fn step_in_size(&mut self, byte: u8) -> Result<State, Refusal> {
        let digit = char::from(byte).to_digit(16);
        match (self.state, byte, digit) {
            (State::Size(_, DIGITS_MAX), _, Some(_)) => refuse(&format!(
                "the size of a chunk has over {DIGITS_MAX} digits; send fewer"
            )),
            (State::Size(size, digits), _, Some(digit)) => {
                Ok(State::Size(size << 4 | u64::from(digit), digits + 1))
            }
            (State::Size(size, 1..), b';', _) => Ok(State::Extension(size)),
            (State::Size(size, 1..) | State::Blank(size), b' ' | b'\t', _) => {
                Ok(State::Blank(size))
            }
            (State::Size(size, 1..) | State::Blank(size) | State::Extension(size), b'\r', _) => {
                Ok(State::SizeEnd(size))
            }
            (State::Extension(size), _, _) if byte != b'\n' => Ok(State::Extension(size)),
            (State::SizeEnd(size), b'\n', _) => self.begin_chunk(size),
            _ => refuse(&format!(
                "\"{}\" is not allowed in the size of a chunk; send hexadecimal digits and CR LF",
                byte.escape_ascii()
            )),
        }
    }

    /// Begins a chunk after its size line, or the trailers after the last one.
    fn begin_chunk(&mut self, size: u64) -> Result<State, Refusal> {
        let line = u64::from(std::mem::take(&mut self.line));
        if size == 0 {
            return Ok(State::Trailer);
        }
        if size > SIZE_MAX {
            return refuse(&format!(
                "the size of a chunk is over {SIZE_MAX} bytes; send smaller chunks"
            ));
        }
        self.overhead = (self.overhead + line).saturating_sub(2 * size + 16);
        if self.overhead > OVERHEAD_MAX {
            return refuse(&format!(
                "over {OVERHEAD_MAX} bytes are between the data of the chunks; send shorter extensions"
            ));
        }
        Ok(State::Data(size))
    }

    fn step_in_trailers(&self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Trailer, b'\r') => Ok(State::LastLf),
            (State::Trailer | State::TrailerName, _) if is_token(byte) => Ok(State::TrailerName),
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => Ok(State::TrailerValue),
            (State::TrailerLf, b'\n') => Ok(State::Trailer),
            (State::LastLf, b'\n') => Ok(State::End),
            _ => refuse(&format!(
                "\"{}\" is not allowed in the trailers of a chunked body; send \"name: value\" and CR LF",
                byte.escape_ascii()
            )),
        }
    }
}

fn refuse<T>(what: &str) -> Result<T, Refusal> {
    Err(Refusal::framing(format!("read request body: {what}")))
}
