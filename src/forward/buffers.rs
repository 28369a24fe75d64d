//! The buffers of one connection to Ollama: small, because a thousand streams have a thousand, and growing where a head
//! needs it. (ureq's own are for one size: below 10 KiB their upload path resizes them under the reader's feet.)

use ureq::unversioned::transport::Buffers;

/// The largest read (bytes), unless a larger one was needed.
const INPUT_SIZE: usize = 4 * 1024;

/// The largest write (bytes): small for the first ones, which are all that most requests need, since a new buffer is cleared. The
/// buffer is freed once all is sent.
const FIRST_OUTPUT_SIZE: usize = 4 * 1024;
const OUTPUT_SIZE: usize = 16 * 1024;

/// Accesses to the output buffer, of which a write takes a few, before it gets its full size.
const FIRST_ACCESSES: usize = 8;

#[derive(Debug, Default)]
pub struct SmallBuffers {
    input: Vec<u8>,
    /// The part of `input` that was read and not yet consumed.
    unread: std::ops::Range<usize>,
    output: Vec<u8>,
    accesses: usize,
    /// Pieces of a chunked body before they are framed.
    pieces: Vec<u8>,
    progress: bool,
}

impl SmallBuffers {
    /// Frees the output buffers: the request was sent, and the reply needs none.
    pub fn release_output(&mut self) {
        self.output = Vec::new();
        self.pieces = Vec::new();
        self.accesses = 0;
    }

    fn grow_output(&mut self) {
        self.accesses += 1;
        let size = if self.accesses <= FIRST_ACCESSES {
            FIRST_OUTPUT_SIZE
        } else {
            OUTPUT_SIZE
        };
        if self.output.len() < size {
            self.output.resize(size, 0);
        }
    }
}

impl Buffers for SmallBuffers {
    fn output(&mut self) -> &mut [u8] {
        self.grow_output();
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.unread.clone()]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end == self.input.len() {
            self.input.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        // Only a head may stay unread while it is incomplete, and ureq refuses one of more than 64 KiB.
        if self.unread.end == self.input.len() {
            self.input.resize((2 * self.input.len()).max(INPUT_SIZE), 0);
        }
        &mut self.input[self.unread.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.unread.end = (self.unread.end + amount).min(self.input.len());
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.unread.start = (self.unread.start + amount).min(self.unread.end);
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        // An upload, which needs all of it.
        self.accesses = FIRST_ACCESSES;
        self.grow_output();
        self.pieces.resize(OUTPUT_SIZE / 2, 0);
        (&mut self.pieces, &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.progress && !self.unread.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(buffers: &mut SmallBuffers, bytes: &[u8]) {
        for piece in bytes.chunks(700) {
            let space = buffers.input_append_buf();
            let amount = piece.len().min(space.len());
            space[..amount].copy_from_slice(&piece[..amount]);
            buffers.input_appended(amount);
            if amount < piece.len() {
                append(buffers, &piece[amount..]);
            }
        }
    }

    #[test]
    fn input_stays_intact_however_it_is_consumed() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        let mut buffers = SmallBuffers::default();
        let mut consumed = 0;
        for (n, piece) in bytes.chunks(3_000).enumerate() {
            append(&mut buffers, piece);
            let unread = buffers.input().len();
            assert_eq!(buffers.input(), &bytes[consumed..consumed + unread]);
            let amount = if n % 3 == 0 { unread } else { unread / 2 };
            buffers.input_consume(amount);
            consumed += amount;
        }
        assert!(
            buffers.input.len() <= 4 * INPUT_SIZE,
            "it grew to {}",
            buffers.input.len()
        );
    }

    #[test]
    fn input_that_is_not_consumed_grows_the_buffer() {
        let mut buffers = SmallBuffers::default();
        append(&mut buffers, &[7; 70_000]);
        assert_eq!(buffers.input(), [7; 70_000]);
    }
}
