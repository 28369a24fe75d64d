//! The body of a request, taken apart as it comes, however it is framed.

use super::chunked::Chunked;
use super::framing::RequestFraming;
use super::refusal::Refusal;

/// The next thing in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes of the body, never none.
    Data(&'a [u8]),
    /// All input is used up, and the body goes on.
    More,
    /// The body has ended; what is left of the input belongs to the next request.
    End,
}

/// Decodes a body as it comes. Holds no bytes.
#[derive(Clone, Debug)]
pub enum BodyDecoder {
    /// So many bytes are still to come.
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
    /// `More` or `End`; after `End` it stays `End` and takes nothing.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, Refusal> {
        match self {
            BodyDecoder::Length(0) => Ok(Piece::End),
            BodyDecoder::Length(_) if input.is_empty() => Ok(Piece::More),
            BodyDecoder::Length(left) => {
                let data;
                (data, *left) = take(input, *left);
                Ok(Piece::Data(data))
            }
            BodyDecoder::Chunked(chunked) => chunked.next(input),
        }
    }
}

/// Takes up to `left` bytes off the front of `input`. Returns them, and how many are still to come.
pub(super) fn take<'a>(input: &mut &'a [u8], left: u64) -> (&'a [u8], u64) {
    let (data, rest) = input.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(input.len()));
    *input = rest;
    (data, left - data.len() as u64)
}
