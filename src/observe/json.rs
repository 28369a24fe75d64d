//! JSON as others write it, made into what serde_json reads.

/// A copy of `json` in which every string and number can be read: invalid UTF-8 and lone surrogates are U+FFFD, raw control
/// characters are escaped, a string (or an escape in it) that is cut off by the end of the input is closed, and words and numbers that
/// JSON does not know (`NaN`, `1e999`) are null.
pub fn repair(json: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(without_cut_character(json));
    let mut rest = text.as_bytes();
    let mut repaired = Vec::with_capacity(rest.len() + 1);
    let mut in_string = false;
    while let Some(&byte) = rest.first() {
        let taken = match byte {
            b'\\' if in_string => match escape(rest, &mut repaired) {
                Some(taken) => taken,
                None => break,
            },
            0..0x20 if in_string => {
                repaired.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                1
            }
            _ if !in_string && is_of_word(byte) => word(rest, &mut repaired),
            _ => {
                in_string ^= byte == b'"';
                repaired.push(byte);
                1
            }
        };
        rest = &rest[taken..];
    }
    if in_string {
        repaired.push(b'"');
    }
    repaired
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Copies the number or the word at the beginning of `rest`, or null for it, and returns its length.
fn word(rest: &[u8], repaired: &mut Vec<u8>) -> usize {
    let word = &rest[..rest
        .iter()
        .position(|&byte| !is_of_word(byte))
        .unwrap_or(rest.len())];
    let is_json =
        word == b"true" || word == b"false" || serde_json::from_slice::<f64>(word).is_ok();
    repaired.extend_from_slice(if is_json { word } else { b"null" });
    word.len()
}

/// Copies the escape at the beginning of `rest` and returns its length; `None` when the input ends within it.
fn escape(rest: &[u8], repaired: &mut Vec<u8>) -> Option<usize> {
    const REPLACEMENT: &[u8] = b"\\ufffd";
    if *rest.get(1)? != b'u' {
        repaired.extend_from_slice(&rest[..2]);
        return Some(2);
    }
    let hex = rest.get(2..6)?;
    let second = || {
        rest.get(6..8)
            .is_some_and(|s| s == b"\\u")
            .then(|| rest.get(8..12).and_then(code))
            .flatten()
    };
    let (copied, taken) = match code(hex) {
        Some(0xd800..0xdc00) if matches!(second(), Some(0xdc00..0xe000)) => (&rest[..12], 12),
        Some(0xd800..0xe000) => (REPLACEMENT, 6),
        _ => (&rest[..6], 6),
    };
    repaired.extend_from_slice(copied);
    Some(taken)
}

fn code(hex: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// `bytes` without the first part of a character at their end.
fn without_cut_character(bytes: &[u8]) -> &[u8] {
    let is_cut =
        |part: &[u8]| std::str::from_utf8(part).is_err_and(|error| error.error_len().is_none());
    let cut = (1..=bytes.len().min(3)).find(|length| is_cut(&bytes[bytes.len() - length..]));
    &bytes[..bytes.len() - cut.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(json: &[u8]) -> String {
        String::from_utf8(repair(json)).unwrap()
    }

    #[test]
    fn readable_json_is_left_alone() {
        let json = r#"{"a":"é🙂 \"q\" \\ \ud83d\ude42 \u0000","b":[1,null]}"#;
        assert_eq!(repaired(json.as_bytes()), json);
    }

    #[test]
    fn what_cannot_be_read_becomes_the_replacement_character() {
        assert_eq!(repaired(br#""a\ud800b""#), r#""a\ufffdb""#);
        assert_eq!(repaired(br#""a\udc00\ud800A""#), r#""a\ufffd\ufffdA""#);
        assert_eq!(repaired(b"\"a\xffb\""), "\"a\u{fffd}b\"");
        assert_eq!(repaired(b"\"a\0b\nc\""), r#""a\u0000b\u000ac""#);
    }

    #[test]
    fn words_and_numbers_that_json_does_not_know_are_null() {
        assert_eq!(
            repaired(br#"{"a":NaN,"b":-Infinity,"c":[1e999,-2.5e1,None],"d":"NaN 1e999"}"#),
            r#"{"a":null,"b":null,"c":[null,-2.5e1,null],"d":"NaN 1e999"}"#
        );
        assert_eq!(
            repaired(b"[true,false,null,0,12345678901234567890123456789012]"),
            "[true,false,null,0,12345678901234567890123456789012]"
        );
    }

    #[test]
    fn a_cut_string_is_closed_before_the_escape_or_character_that_was_cut() {
        assert_eq!(repaired(br#"{"a":"b"#), r#"{"a":"b""#);
        assert_eq!(repaired(br#"{"a":"b\"#), r#"{"a":"b""#);
        assert_eq!(repaired(br#"{"a":"b\u00"#), r#"{"a":"b""#);
        assert_eq!(
            repaired("{\"a\":\"b🙂".as_bytes().split_last().unwrap().1),
            r#"{"a":"b""#
        );
        assert_eq!(repaired(br#"{"a":1"#), r#"{"a":1"#);
    }
}
