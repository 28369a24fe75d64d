//! Content-Encoding undone on our own copy of the bytes; the client gets them as they came.
//!
//! Replies are compressed only where Ollama relays them from the cloud. Of requests Ollama itself reads zstd, which Codex sends; gateways
//! before other servers send gzip and deflate.

use std::io::{self, Read, Write};

use flate2::read;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The most that a request body is decoded to, in bytes: Ollama's own limit.
pub const MAX_DECODED: u64 = 20 << 20;
/// The largest window that a zstd frame may ask for, in bytes: what its header says is reserved before a byte is decoded. RFC 8878
/// recommends to support as much.
pub const MAX_WINDOW: u64 = 8 << 20;

/// Bytes of a reply on their way to `W`, decoded as they come, never more than 32 KiB ahead of it.
pub enum Decoder<W: Write> {
    Identity(W),
    Gzip(MultiGzDecoder<W>),
    Deflate(ZlibDecoder<W>),
}

impl<W: Write> Decoder<W> {
    /// The decoder for a value of Content-Encoding, `None` for one that we cannot read.
    pub fn new(encoding: Option<&str>, to: W) -> Result<Self, W> {
        match encoding
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "identity" => Ok(Decoder::Identity(to)),
            "gzip" | "x-gzip" => Ok(Decoder::Gzip(MultiGzDecoder::new(to))),
            "deflate" => Ok(Decoder::Deflate(ZlibDecoder::new(to))),
            _ => Err(to),
        }
    }

    /// Decodes `bytes` and hands on all that they yield.
    pub fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Decoder::Identity(to) => to.write_all(bytes),
            Decoder::Gzip(decoder) => decoder.write_all(bytes).and_then(|()| decoder.flush()),
            Decoder::Deflate(decoder) => decoder.write_all(bytes).and_then(|()| decoder.flush()),
        }
    }

    /// Checks that the encoding ended where the body did.
    pub fn end(&mut self) -> io::Result<()> {
        match self {
            Decoder::Identity(_) => Ok(()),
            Decoder::Gzip(decoder) => decoder.try_finish(),
            Decoder::Deflate(decoder) => decoder.try_finish(),
        }
    }

    pub fn get_mut(&mut self) -> &mut W {
        match self {
            Decoder::Identity(to) => to,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Deflate(decoder) => decoder.get_mut(),
        }
    }
}

/// How a request's body may be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Zstd,
}

impl Coding {
    /// How far back what is decoded may refer, all of which is kept (bytes): of deflate it is 32 KiB always (RFC 1951).
    pub fn window(self) -> usize {
        match self {
            Coding::Gzip | Coding::Deflate => 32 << 10,
            Coding::Zstd => MAX_WINDOW as usize,
        }
    }

    /// What `body` holds, decoded as it is read; no more than `MAX_DECODED` bytes.
    pub fn decode(self, body: &[u8]) -> Box<dyn Read + '_> {
        match self {
            Coding::Gzip => Box::new(read::MultiGzDecoder::new(body).take(MAX_DECODED)),
            Coding::Deflate if has_zlib_head(body) => {
                Box::new(read::ZlibDecoder::new(body).take(MAX_DECODED))
            }
            Coding::Deflate => Box::new(read::DeflateDecoder::new(body).take(MAX_DECODED)),
            Coding::Zstd => Box::new(
                Zstd {
                    rest: body,
                    frame: None,
                }
                .take(MAX_DECODED),
            ),
        }
    }
}

/// "deflate" means zlib's format (RFC 9110 8.4.1.2), and many leave its two bytes of head out (RFC 1950 2.2).
fn has_zlib_head(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

/// One frame or several, each decoded after the other.
struct Zstd<'a> {
    /// What follows the frame that is being read.
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
                StreamingDecoder::new_with_max_window_size(self.rest, MAX_WINDOW)
                    .map_err(io::Error::other)?,
            );
        }
    }
}
