//! Decodes bodies by their Content-Encoding, on a copy of the bytes; the client gets them as they
//! came.
//!
//! Replies are compressed only if Ollama relays them from the cloud. Requests: Ollama itself reads
//! zstd, which Codex sends; gateways in front of other servers send gzip and deflate.

use std::io::{self, Read, Write};

use flate2::read;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The longest request body after decoding, in bytes: Ollama's own limit.
pub const MAX_DECODED_BODY: u64 = 20 << 20;
/// The largest window that a zstd frame may ask for, in bytes: it is allocated before a byte is
/// decoded. RFC 8878 recommends to support as much.
pub const MAX_ZSTD_WINDOW: u64 = 8 << 20;

/// Decodes the bytes of a reply as they arrive and writes them to `W`, never more than 32 KiB ahead
/// of it.
pub enum ReplyDecoder<W: Write> {
    Identity(W),
    Gzip(MultiGzDecoder<W>),
    Deflate(ZlibDecoder<W>),
}

impl<W: Write> ReplyDecoder<W> {
    /// Returns the decoder for a value of Content-Encoding, or `to` if it has none.
    pub fn new(encoding: Option<&str>, to: W) -> Result<Self, W> {
        match ContentEncoding::of(encoding) {
            ContentEncoding::Identity => Ok(ReplyDecoder::Identity(to)),
            ContentEncoding::Coded(ContentCoding::Gzip) => {
                Ok(ReplyDecoder::Gzip(MultiGzDecoder::new(to)))
            }
            ContentEncoding::Coded(ContentCoding::Deflate) => {
                Ok(ReplyDecoder::Deflate(ZlibDecoder::new(to)))
            }
            ContentEncoding::Coded(ContentCoding::Zstd) | ContentEncoding::Unknown => Err(to),
        }
    }

    /// Decodes `bytes` and writes all that they yield.
    pub fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            ReplyDecoder::Identity(to) => to.write_all(bytes),
            ReplyDecoder::Gzip(decoder) => decoder.write_all(bytes).and_then(|()| decoder.flush()),
            ReplyDecoder::Deflate(decoder) => {
                decoder.write_all(bytes).and_then(|()| decoder.flush())
            }
        }
    }

    /// Checks that the encoded data ended where the body did.
    pub fn finish(&mut self) -> io::Result<()> {
        match self {
            ReplyDecoder::Identity(_) => Ok(()),
            ReplyDecoder::Gzip(decoder) => decoder.try_finish(),
            ReplyDecoder::Deflate(decoder) => decoder.try_finish(),
        }
    }

    pub fn get_mut(&mut self) -> &mut W {
        match self {
            ReplyDecoder::Identity(to) => to,
            ReplyDecoder::Gzip(decoder) => decoder.get_mut(),
            ReplyDecoder::Deflate(decoder) => decoder.get_mut(),
        }
    }
}

/// The value of a Content-Encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    Identity,
    Coded(ContentCoding),
    Unknown,
}

impl ContentEncoding {
    pub fn of(value: Option<&str>) -> ContentEncoding {
        match value
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "identity" => ContentEncoding::Identity,
            "gzip" | "x-gzip" => ContentEncoding::Coded(ContentCoding::Gzip),
            "deflate" => ContentEncoding::Coded(ContentCoding::Deflate),
            "zstd" => ContentEncoding::Coded(ContentCoding::Zstd),
            _ => ContentEncoding::Unknown,
        }
    }
}

/// A coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentCoding {
    Gzip,
    Deflate,
    Zstd,
}

impl ContentCoding {
    /// Returns how far back decoded data may refer, all of which is kept, in bytes. For deflate it
    /// is always 32 KiB (RFC 1951).
    pub fn window(self) -> usize {
        match self {
            ContentCoding::Gzip | ContentCoding::Deflate => 32 << 10,
            ContentCoding::Zstd => MAX_ZSTD_WINDOW as usize,
        }
    }

    /// Decodes `body` as it is read, to no more than `MAX_DECODED_BODY` bytes.
    pub fn decode(self, body: &[u8]) -> Box<dyn Read + '_> {
        match self {
            ContentCoding::Gzip => Box::new(read::MultiGzDecoder::new(body).take(MAX_DECODED_BODY)),
            ContentCoding::Deflate if has_zlib_head(body) => {
                Box::new(read::ZlibDecoder::new(body).take(MAX_DECODED_BODY))
            }
            ContentCoding::Deflate => {
                Box::new(read::DeflateDecoder::new(body).take(MAX_DECODED_BODY))
            }
            ContentCoding::Zstd => Box::new(
                Zstd {
                    rest: body,
                    frame: None,
                }
                .take(MAX_DECODED_BODY),
            ),
        }
    }
}

/// Returns whether `body` begins with the two bytes of zlib's header (RFC 1950 2.2). "deflate" means zlib's
/// format (RFC 9110 8.4.1.2), and many senders leave them out.
fn has_zlib_head(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

/// Decodes one frame after the other.
struct Zstd<'a> {
    /// All that follows the current frame.
    rest: &'a [u8],
    frame: Option<StreamingDecoder<&'a [u8], FrameDecoder>>,
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let amount = frame.read(buffer)?;
                if amount > 0 {
                    return Ok(amount);
                }
            }
            if let Some(ended) = self.frame.take() {
                self.rest = ended.into_inner();
            }
            if self.rest.is_empty() {
                return Ok(0);
            }
            self.frame = Some(
                StreamingDecoder::new_with_max_window_size(self.rest, MAX_ZSTD_WINDOW)
                    .map_err(io::Error::other)?,
            );
        }
    }
}
