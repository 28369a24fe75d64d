//! The body of a request, taken apart as it comes, however it is framed.

use super::chunked::Chunked;
use super::framing::RequestFraming;
use super::refusal::Refusal;

/// The next step of decoding a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// Bytes of the body; never empty.
    Data(&'a [u8]),
    /// All input is used up, and the body goes on.
    NeedMore,
    /// The body has ended; what is left of the input belongs to the next request.
    End,
}

/// Decodes a body as it comes. Holds no bytes.
#[derive(Clone, Debug)]
pub enum BodyDecoder {
    /// The number of bytes still to come.
    Length(u64),
    Chunked(Chunked),
}

impl BodyDecoder {
    pub fn new(framing: RequestFraming) -> BodyDecoder {
        match framing {
            RequestFraming::Empty => BodyDecoder::Length(0),
            RequestFraming::Length(length) => BodyDecoder::Length(length),
            RequestFraming::Chunked => BodyDecoder::Chunked(Chunked::default()),
        }
    }

    /// Takes the next piece off the front of `input`. Bytes of the body are borrowed from it, never copied. Call again until
    /// `NeedMore` or `End`; after `End` it stays `End` and takes nothing.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Decoded<'a>, Refusal> {
        match self {
            BodyDecoder::Length(0) => Ok(Decoded::End),
            BodyDecoder::Length(_) if input.is_empty() => Ok(Decoded::NeedMore),
            BodyDecoder::Length(remaining) => {
                let data;
                (data, *remaining) = take(input, *remaining);
                Ok(Decoded::Data(data))
            }
            BodyDecoder::Chunked(chunked) => chunked.next(input),
        }
    }
}

/// Takes up to `remaining` bytes off the front of `input`. Returns them, and how many are still to come.
pub(super) fn take<'a>(input: &mut &'a [u8], remaining: u64) -> (&'a [u8], u64) {
    let length = usize::try_from(remaining).unwrap_or(usize::MAX);
    let (data, rest) = input.split_at(length.min(input.len()));
    *input = rest;
    (data, remaining - data.len() as u64)
}
