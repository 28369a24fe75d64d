//! CHUNK BUFFER: frames a piece of a body as a chunk in place.

use std::io::{self, Read};

/// Room for the size line before a chunk of less than 64 KiB: hex digits and CR LF.
const SIZE_LINE_MAX: usize = 6;

/// A buffer that a piece of a body is read into and framed in without being moved.
pub struct ChunkBuffer {
    bytes: Box<[u8]>,
}

impl ChunkBuffer {
    /// The largest piece that is read at once (bytes).
    pub const DATA_MAX: usize = 4 * 1024;

    pub fn new() -> ChunkBuffer {
        ChunkBuffer::with_capacity(ChunkBuffer::DATA_MAX)
    }

    /// Makes a buffer for pieces of up to `data` bytes, less than 64 KiB.
    pub fn with_capacity(data: usize) -> ChunkBuffer {
        ChunkBuffer {
            bytes: vec![0; SIZE_LINE_MAX + data + 2].into_boxed_slice(),
        }
    }

    /// Reads once from `source`. Returns the number of bytes read.
    pub fn read_from(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        let end = self.bytes.len() - 2;
        source.read(&mut self.bytes[SIZE_LINE_MAX..end])
    }

    /// The first `length` bytes that were read.
    pub fn data(&self, length: usize) -> &[u8] {
        &self.bytes[SIZE_LINE_MAX..SIZE_LINE_MAX + length]
    }

    /// Frames the first `length` bytes that were read as a chunk.
    pub fn chunk(&mut self, length: usize) -> &[u8] {
        let (mut start, mut remaining) = (SIZE_LINE_MAX - 2, length);
        self.bytes[start..SIZE_LINE_MAX].copy_from_slice(b"\r\n");
        while start == SIZE_LINE_MAX - 2 || remaining > 0 {
            start -= 1;
            self.bytes[start] = b"0123456789abcdef"[remaining % 16];
            remaining /= 16;
        }
        let end = SIZE_LINE_MAX + length;
        self.bytes[end..end + 2].copy_from_slice(b"\r\n");
        &self.bytes[start..end + 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_framed_in_place() {
        let mut buffer = ChunkBuffer::new();
        for length in [1, 15, 16, 255, 4096, ChunkBuffer::DATA_MAX] {
            let body = vec![b'x'; length];
            assert_eq!(buffer.read_from(&mut &body[..]).unwrap(), length);
            assert_eq!(
                buffer.chunk(length),
                [format!("{length:x}\r\n").as_bytes(), &body, b"\r\n"].concat()
            );
            assert_eq!(buffer.data(length), body);
        }
    }
}
