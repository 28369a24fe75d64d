//! A quick test of a line's bytes, before it is parsed. It may let too much pass, never too little:
//! JSON can write a character in several ways, and capitals can be of other alphabets.

use memchr::{memchr2_iter, memmem};

/// The beginning of ASCII that JSON writers escape without need: a line with one in it always
/// passes.
const ESCAPED_ASCII: &[u8] = b"\\u00";

/// Letters and digits by how often they occur, the rarest first.
const RARE_FIRST: &[u8] = b"zqxjvbpygwfmucdlhrsnotae9876543210 ";

pub struct Prefilter {
    /// In small letters; not empty.
    part: Vec<u8>,
    /// The index of its rarest byte.
    rarest: usize,
}

impl Prefilter {
    /// Makes the filter of a folded text that is searched in any case. `None` where the bytes tell
    /// nothing.
    pub fn of_text(folded: &str) -> Option<Prefilter> {
        // The longest part of it that is written in one way only.
        let part = folded
            .as_bytes()
            .split(|byte| !is_plain(*byte))
            .max_by_key(|part| part.len())?;
        Prefilter::new(part)
    }

    /// Makes the filter of an id, whose case counts.
    pub fn of_exact(id: &str) -> Option<Prefilter> {
        Prefilter::of_text(&id.to_ascii_lowercase())
    }

    fn new(part: &[u8]) -> Option<Prefilter> {
        let rank = |byte: &u8| RARE_FIRST.iter().position(|rare| rare == byte);
        let (rarest, _) = part.iter().enumerate().min_by_key(|(_, byte)| rank(byte))?;
        Some(Prefilter {
            part: part.to_vec(),
            rarest,
        })
    }

    pub fn may_match(&self, line: &[u8]) -> bool {
        self.is_in(line) || memmem::find(line, ESCAPED_ASCII).is_some()
    }

    fn is_in(&self, line: &[u8]) -> bool {
        let rarest = self.part[self.rarest];
        memchr2_iter(rarest, rarest.to_ascii_uppercase(), line).any(|at| {
            let start = at.checked_sub(self.rarest);
            start
                .and_then(|start| line.get(start..start + self.part.len()))
                .is_some_and(|found| found.eq_ignore_ascii_case(&self.part))
        })
    }
}

/// Returns whether JSON writes it in one way (or in one that begins with `ESCAPED_ASCII`), and it
/// has no capital in another alphabet, as `i` and `k` have.
fn is_plain(byte: u8) -> bool {
    RARE_FIRST.contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_match(needle: &str, line: &str) -> bool {
        Prefilter::of_text(needle).is_none_or(|prefilter| prefilter.may_match(line.as_bytes()))
    }

    #[test]
    fn no_other_alphabet_has_a_capital_of_a_plain_letter() {
        let capitals = ('\u{80}'..=char::MAX).filter(|c| {
            c.to_lowercase()
                .any(|small| small.is_ascii() && is_plain(small as u8))
        });
        assert_eq!(capitals.collect::<String>(), "");
    }

    #[test]
    fn what_is_there_passes_however_it_is_written() {
        for (needle, line) in [
            ("sky", "The SKY"),
            ("sky", "the sky"),
            ("kiki", "\u{212a}i\u{212a}i"),
            ("a\"b", r#"a\"b"#),
            ("a/b", r"a\/b"),
            ("sea", r"s\u0065a"),
            ("grün", r"GR\u00dcN"),
            ("я", r"\u042f"),
            ("ß1", "ẞ1"),
        ] {
            assert!(may_match(needle, line), "{needle} in {line}");
        }
    }

    #[test]
    fn what_is_not_there_does_not_pass() {
        for (needle, line) in [
            ("zebra", "The sky"),
            ("sea!", "the s a"),
            ("sea", "se"),
            ("aß", "b"),
        ] {
            assert!(!may_match(needle, line), "{needle} in {line}");
        }
    }
}
