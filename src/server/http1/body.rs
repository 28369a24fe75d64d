//! The body of a request, taken apart as it comes, however it is framed.

use super::chunked::Chunked;
use super::decoded::{Decoded, take};
use super::framing::RequestFraming;
use super::refusal::Refusal;

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
