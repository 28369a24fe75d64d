//! REPETITION: the same piece of text, over and over, to the end of it.

/// Bytes of the end that are looked at.
const LOOKED_AT: usize = 8 << 10;

/// So often and over so many bytes, a repetition is no figure of speech.
const TIMES_MIN: usize = 8;
const BYTES_MIN: usize = 1000;

/// What is repeated at the end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// Characters of the piece.
    pub period: usize,
    /// How often it stands there, as far as was looked.
    pub times: usize,
}

/// The repetition that a text ends with, if it has one.
pub fn at_end(text: &str) -> Option<Repetition> {
    let bytes = text.as_bytes();
    let end: Vec<u8> = bytes[bytes.len().saturating_sub(LOOKED_AT)..]
        .iter()
        .rev()
        .copied()
        .collect();
    let (length, period) = longest_periodic(&end)?;
    let piece = &bytes[bytes.len() - period..];
    // A piece may begin in the middle of a character: each has one byte that is no continuation.
    let characters = piece
        .iter()
        .filter(|byte| !matches!(byte, 0x80..=0xbf))
        .count();
    Some(Repetition {
        period: characters,
        times: length / period,
    })
}

/// The longest beginning that repeats a piece often enough, and the length of the piece: by the borders of all beginnings, as
/// Knuth, Morris and Pratt find them.
fn longest_periodic(text: &[u8]) -> Option<(usize, usize)> {
    let mut borders = vec![0; text.len()];
    let mut longest = None;
    for at in 1..text.len() {
        let mut border: usize = borders[at - 1];
        while border > 0 && text[at] != text[border] {
            border = borders[border - 1];
        }
        borders[at] = border + usize::from(text[at] == text[border]);
        let (length, period) = (at + 1, at + 1 - borders[at]);
        if length >= BYTES_MIN && length / period >= TIMES_MIN {
            longest = Some((length, period));
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_piece_is_counted_in_characters() {
        let text = format!("So: {}", "über ".repeat(300));
        assert_eq!(
            at_end(&text),
            Some(Repetition {
                period: 5,
                times: 300
            })
        );
    }

    #[test]
    fn little_is_no_repetition() {
        let counting: String = (0..2000).map(|number| format!("{number}, ")).collect();
        let rows = [
            "",
            "a",
            "ha ha ha ha ha ha ha ha",
            &"word ".repeat(190),
            &counting,
        ];
        for text in rows {
            assert_eq!(at_end(text), None);
        }
    }

    #[test]
    fn an_end_that_does_not_repeat_is_no_repetition() {
        assert_eq!(
            at_end(&format!("{}And that was all.", "la ".repeat(1000))),
            None
        );
    }

    proptest! {
        #[test]
        fn what_is_repeated_is_found_whatever_stands_before(
            before in "[a-z ]{0,50}", piece in "[a-z.]{1,90}#", cut in 0usize..50
        ) {
            let times = BYTES_MIN.div_ceil(piece.len()).max(TIMES_MIN) + 1;
            let text = before + &piece.repeat(times);
            let text = &text[..text.len() - cut.min(piece.len() - 1)];
            let found = at_end(text).unwrap();
            prop_assert!(found.period <= piece.len());
            prop_assert!(found.times >= times - 2);
        }
    }
}
