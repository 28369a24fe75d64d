//! Repairs JSON that clients and servers accept and serde_json does not.

/// Copies `json` so that every string and number in it can be read: invalid UTF-8 and lone
/// surrogates become U+FFFD, raw control characters are escaped, a string (or an escape in it) that
/// the end of the input cuts off is closed, and words and numbers that JSON does not have (`NaN`,
/// `1e999`) become null.
pub fn repair(json: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(trim_cut_character(json));
    let mut rest = text.as_bytes();
    let mut repaired = Vec::with_capacity(rest.len() + 1);
    let mut in_string = false;
    while let Some(&byte) = rest.first() {
        let length = match byte {
            b'\\' if in_string => match copy_escape(rest, &mut repaired) {
                Some(length) => length,
                None => break,
            },
            0..0x20 if in_string => {
                repaired.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                1
            }
            _ if !in_string && is_word_byte(byte) => copy_word(rest, &mut repaired),
            _ => {
                in_string ^= byte == b'"';
                repaired.push(byte);
                1
            }
        };
        rest = &rest[length..];
    }
    if in_string {
        repaired.push(b'"');
    }
    repaired
}

/// Copies the beginning of JSON that goes on elsewhere. So may a number or word at its end, which is left out.
pub fn repair_beginning(json: &[u8]) -> Vec<u8> {
    let mut repaired = repair(json);
    let last = repaired.iter().rposition(|byte| !is_word_byte(*byte));
    repaired.truncate(last.map_or(0, |last| last + 1));
    repaired
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Copies the number or word at the beginning of `rest`, or null in its place, and returns its
/// length.
fn copy_word(rest: &[u8], repaired: &mut Vec<u8>) -> usize {
    let word = &rest[..rest
        .iter()
        .position(|&byte| !is_word_byte(byte))
        .unwrap_or(rest.len())];
    let is_json =
        word == b"true" || word == b"false" || serde_json::from_slice::<f64>(word).is_ok();
    repaired.extend_from_slice(if is_json { word } else { b"null" });
    word.len()
}

/// Copies the escape at the beginning of `rest` and returns its length; `None` if the input ends
/// within it.
fn copy_escape(rest: &[u8], repaired: &mut Vec<u8>) -> Option<usize> {
    const REPLACEMENT: &[u8] = b"\\ufffd";
    if *rest.get(1)? != b'u' {
        repaired.extend_from_slice(&rest[..2]);
        return Some(2);
    }
    let hex = rest.get(2..6)?;
    let (copied, length) = match parse_hex(hex) {
        Some(0xd800..0xdc00) if begins_with_low_surrogate(&rest[6..]) => (&rest[..12], 12),
        Some(0xd800..0xe000) => (REPLACEMENT, 6),
        _ => (&rest[..6], 6),
    };
    repaired.extend_from_slice(copied);
    Some(length)
}

fn begins_with_low_surrogate(rest: &[u8]) -> bool {
    let code = rest
        .strip_prefix(b"\\u")
        .and_then(|hex| parse_hex(hex.get(..4)?));
    matches!(code, Some(0xdc00..0xe000))
}

fn parse_hex(hex: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// Trims the first part of a character from the end of `bytes`.
fn trim_cut_character(bytes: &[u8]) -> &[u8] {
    for start in (bytes.len().saturating_sub(3)..bytes.len()).rev() {
        if is_cut_character(&bytes[start..]) {
            return &bytes[..start];
        }
    }
    bytes
}

fn is_cut_character(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
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
    fn unreadable_bytes_become_the_replacement_character() {
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

    #[test]
    fn a_number_that_may_go_on_is_left_out() {
        for (json, kept) in [
            (r#"{"a":1,"b":-4.5e"#, r#"{"a":1,"b":"#),
            (r#"{"a":[tru"#, r#"{"a":["#),
            (r#"{"a":"b 1"#, r#"{"a":"b 1""#),
            (r#"{"a":1 "#, r#"{"a":1 "#),
            ("12", ""),
        ] {
            assert_eq!(repair_beginning(json.as_bytes()), kept.as_bytes());
        }
    }
}
