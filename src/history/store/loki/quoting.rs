//! Texts as strings and regular expressions of LogQL.

use std::fmt::Write;

/// Returns a regular expression that matches this text alone.
pub fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Returns the text as a string of LogQL: visible ASCII as it is, all else by its number.
pub fn quoted(text: &str) -> String {
    let mut string = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => string.extend(['\\', c]),
            ' '..='~' => string.push(c),
            _ => write!(string, "\\U{:08x}", u32::from(c)).unwrap_or_default(),
        }
    }
    string + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_leave_its_string() {
        let hostile = "\"} |= \"\\\n`{x=\u{7f}é🙂";
        assert_eq!(
            quoted(hostile),
            r#""\"} |= \"\\\U0000000a`{x=\U0000007f\U000000e9\U0001f642""#
        );
    }
}
