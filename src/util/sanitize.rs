//! Makes foreign text safe for logs, terminals and shells. A method, a header or the version of an
//! Ollama may contain anything.

use std::borrow::Cow;

/// The characters that end an address in the middle of a text.
const WORD_ENDS: [char; 8] = [' ', '\t', '\r', '\n', '`', '"', '<', '>'];

/// Escapes the characters by which a text could begin a line of its own, move the cursor, write
/// elsewhere on the screen or reverse the text that follows.
pub fn escape_control_chars(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
    }
    out.into()
}

/// Could `c` do one of these?
pub fn is_harmful(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Is `c` a line or paragraph separator, a mark of direction, or without width?
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Returns an error page as one short line: of HTML its title, or the text outside of its tags, of
/// at most `width` characters and an ellipsis if there were more.
pub fn summarize_page(page: &str, width: usize) -> String {
    let page = page.trim();
    let text = if page.starts_with('<') {
        strip_tags(page)
    } else {
        page.to_owned()
    };
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(width) {
        line.truncate(end);
        line.push('…');
    }
    escape_control_chars(&line).into_owned()
}

/// Quotes a text so that a shell takes it for one word.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:/@+-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

fn strip_tags(page: &str) -> String {
    match page.to_ascii_lowercase().find("<title") {
        Some(at) => text_after_tag(page[at..].split("</").next().unwrap_or_default()).to_owned(),
        None => {
            let texts: Vec<&str> = page.split('<').map(text_after_tag).collect();
            texts.join(" ")
        }
    }
}

/// Returns the text behind the tag that `piece`, without its `<`, begins with.
fn text_after_tag(piece: &str) -> &str {
    piece.split_once('>').map_or("", |(_, text)| text)
}

/// Hides what may be a secret in every address of a text: user and password, also where there is no scheme before them, and
/// the query of a URL.
pub fn redact_passwords(text: &str) -> Cow<'_, str> {
    if !text.contains('@') && !text.contains("://") {
        return text.into();
    }
    let words = text.split_inclusive(WORD_ENDS);
    words.map(redact_word).collect::<String>().into()
}

/// A password that is not percent-encoded may hold a slash, so the last @ counts.
fn redact_word(word: &str) -> Cow<'_, str> {
    let user_ends = word.rfind('@').unwrap_or_default();
    let is_digest = word[user_ends..].starts_with("@sha256:"); // of a model, whose tag is no password
    match word.find("://").map(|at| at + "://".len()) {
        Some(host) if user_ends >= host => {
            format!("{}***{}", &word[..host], without_query(&word[user_ends..])).into()
        }
        Some(_) => without_query(word),
        None if word[..user_ends].contains(':') && !is_digest => {
            format!("***{}", &word[user_ends..]).into()
        }
        None => word.into(),
    }
}

/// Hides the query of an address, which ends at the end of its word.
fn without_query(text: &str) -> Cow<'_, str> {
    let Some((before, query)) = text.split_once('?') else {
        return text.into();
    };
    let end = query.find(WORD_ENDS).unwrap_or(query.len());
    match end {
        0 => text.into(),
        _ => format!("{before}?***{}", &query[end..]).into(),
    }
}

/// Hides what may be a secret in an address as users type it, perhaps without a scheme and with a user alone.
pub fn redact_address(text: &str) -> Cow<'_, str> {
    let from = match text.rfind('@') {
        Some(_) if text.contains("://") => return redact_passwords(text),
        Some(at) => format!("***{}", &text[at..]),
        None => text.to_owned(),
    };
    without_query(&from).into_owned().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn foreign_text_cannot_control_the_terminal_or_begin_a_line() {
        for (text, shown) in [
            ("a\nb\tc\r", r"a\nb\tc\r"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}", r"\u{1b}[2J\u{1b}]0;x\u{7}"),
            ("\u{9b}31m\u{7f}\0\u{85}", r"\u{9b}31m\u{7f}\u{0}\u{85}"),
            ("a\u{202e}b\u{2028}", r"a\u{202e}b\u{2028}"),
            ("空は青い 🙂 é שלום \\", "空は青い 🙂 é שלום \\"),
        ] {
            assert_eq!(escape_control_chars(text), shown);
        }
    }

    #[test]
    fn an_error_page_is_one_short_line_without_tags() {
        let nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n\
            <hr><center>nginx/1.24.0</center>\r\n</body>\r\n</html>\r\n<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";
        for (page, shown) in [
            (nginx, "502 Bad Gateway"),
            (
                "\n<!DOCTYPE HTML><TITLE lang=en>\nNo\t such\r\nhost</TITLE>",
                "No such host",
            ),
            ("<h1>Gateway</h1>\r\n<p>is away</p>", "Gateway is away"),
            ("<html", ""),
            ("no org id\n", "no org id"),
            ("a\n\u{1b}[31mb\u{9b}", r"a \u{1b}[31mb\u{9b}"),
            ("limit < 3", "limit < 3"),
            ("", ""),
        ] {
            assert_eq!(summarize_page(page, 100), shown);
        }
        assert_eq!(
            (
                summarize_page(&"é".repeat(3), 3),
                summarize_page(&"é".repeat(4), 3)
            ),
            ("ééé".to_owned(), "ééé…".to_owned())
        );
    }

    #[test]
    fn a_word_for_the_shell_is_one_word() {
        for (text, word) in [
            ("/var/x_1", "/var/x_1"),
            ("a.b:c/d", "a.b:c/d"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("#12", "'#12'"),
            ("$(x) 'y'", r"'$(x) '\''y'\'''"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn a_password_in_a_url_is_shown_nowhere() {
        for (text, shown) in [
            ("http://user:pw@host:1/x", "http://***@host:1/x"),
            (
                "ask https://u:p@a and http://b/c, then `http://v:q@c`",
                "ask https://***@a and http://b/c, then `http://***@c`",
            ),
            ("http://user@host", "http://***@host"),
            ("http://user:p@ss/wo#rd@host", "http://***@host"),
            (
                "mail me@example.com, see http://host/",
                "mail me@example.com, see http://host/",
            ),
            ("no address", "no address"),
            (
                "unrecognized argument: me:s3cret@host (see it)",
                "unrecognized argument: ***@host (see it)",
            ),
            (
                "env=\"map[HTTPS_PROXY:me:s3cret@host:3128 X:]\"",
                "env=\"***@host:3128 X:]\"",
            ),
            (
                "get `http://host/x?token=s3cret`: no",
                "get `http://host/x?***`: no",
            ),
            ("is it http://host? no", "is it http://host? no"),
            ("pull m:8b@sha256:0c4d", "pull m:8b@sha256:0c4d"),
        ] {
            assert_eq!(redact_passwords(text), shown);
        }
        assert_eq!(
            [
                redact_address("user:pw@host"),
                redact_address("http://user:pw@host"),
                redact_address("host:1"),
                redact_address("host/?token=s3cret"),
            ],
            ["***@host", "http://***@host", "host:1", "host/?***"]
        );
    }

    proptest! {
        #[test]
        fn foreign_text_stays_in_one_line(text in any::<String>()) {
            prop_assert!(!escape_control_chars(&text).contains(|c: char| c.is_control() || is_invisible(c)));
            let page = format!("<{text}");
            prop_assert!(!summarize_page(&page, 50).contains(|c: char| c.is_control() || is_invisible(c)));
        }

        #[test]
        fn no_password_is_left(password in "[a-z0-9:/@?#%]{6,20}", text in "[a-z ]{0,10}") {
            let shown = redact_passwords(&format!("{text}http://user:{password}@host/x")).into_owned();
            prop_assert_eq!(shown, format!("{text}http://***@host/x"));
        }
    }
}
