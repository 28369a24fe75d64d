//! Numbers and texts as the bytes of a file.

/// Writes a file.
#[derive(Default)]
pub struct Encoder(pub Vec<u8>);

/// Reads a file; `None` where it ends too early, or is not one of ours.
#[derive(Clone, Copy)]
pub struct Decoder<'a>(pub &'a [u8]);

impl Encoder {
    /// Writes a number in as few bytes as it needs, seven bits in each.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    pub fn float(&mut self, number: f64) {
        self.0.extend(number.to_le_bytes());
    }

    pub fn short_float(&mut self, number: f32) {
        self.0.extend(number.to_le_bytes());
    }

    /// Writes bytes with their length.
    pub fn piece(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
    }
}

impl<'a> Decoder<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub fn float(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    pub fn short_float(&mut self) -> Option<f32> {
        self.array().map(f32::from_le_bytes)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub fn piece(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (piece, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(piece)
    }

    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.piece()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number: u64, signed in i64::MIN / 2..i64::MAX / 2, float: f64, short: f32, text in ".{0,200}") {
            let mut encoder = Encoder::default();
            encoder.number(number);
            encoder.signed(signed);
            encoder.float(float);
            encoder.short_float(short);
            encoder.piece(text.as_bytes());
            let mut decoder = Decoder(&encoder.0);
            prop_assert_eq!(decoder.number(), Some(number));
            prop_assert_eq!(decoder.signed(), Some(signed));
            prop_assert_eq!(decoder.float().map(f64::to_bits), Some(float.to_bits()));
            prop_assert_eq!(decoder.short_float().map(f32::to_bits), Some(short.to_bits()));
            prop_assert_eq!(decoder.text(), Some(&*text));
            prop_assert!(decoder.is_empty() && decoder.number().is_none());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut decoder = Decoder(&bytes);
            while decoder.number().is_some() && decoder.text().is_some() && decoder.float().is_some() {}
        }
    }
}
