//! A step of decoding a body, in either framing.

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

/// Takes up to `remaining` bytes off the front of `input`. Returns them, and how many are still to come.
pub(super) fn take<'a>(input: &mut &'a [u8], remaining: u64) -> (&'a [u8], u64) {
    let length = usize::try_from(remaining).unwrap_or(usize::MAX);
    let (data, rest) = input.split_at(length.min(input.len()));
    *input = rest;
    (data, remaining - data.len() as u64)
}
