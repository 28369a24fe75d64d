//! SANITIZE: foreign text as logs and terminals may show it. Whatever strangers choose (a method, a header, the version that an Ollama
//! tells) may hold anything.

use std::borrow::Cow;

/// What ends an address in the middle of a text.
const BEHIND_URL: [char; 8] = [' ', '\t', '\r', '\n', '`', '"', '<', '>'];

/// Text in one line that shows every character and obeys none: it must not begin a line of its own, move the cursor, write elsewhere
/// on the screen or turn what follows around.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() || is_invisible(c);
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

/// Line and paragraph separators, marks of direction, and what has no width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text of an error page as one short line: of HTML its title, or what stands outside of tags; at most `width` characters, and an
/// ellipsis where there were more.
pub fn gist(page: &str, width: usize) -> String {
    let page = page.trim();
    let text = if page.starts_with('<') {
        without_tags(page)
    } else {
        page.to_owned()
    };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = words
        .chars()
        .nth(width)
        .map(|_| words.chars().take(width).chain(['…']).collect::<String>());
    one_line(&cut.unwrap_or(words)).into_owned()
}

fn without_tags(page: &str) -> String {
    let text = |piece: &str| {
        piece
            .split_once('>')
            .map_or("", |(_, text)| text)
            .to_owned()
    };
    let title = page
        .to_ascii_lowercase()
        .find("<title")
        .map(|at| text(page[at..].split("</").next().unwrap_or_default()));
    title.unwrap_or_else(|| page.split('<').map(text).collect::<Vec<_>>().join(" "))
}

/// Every URL in a text with `***` for the user and the password in it. A password that is not written as URLs want it may hold a slash,
/// so the last @ counts.
pub fn without_passwords(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + "://".len());
        let url = &behind[..behind.find(BEHIND_URL).unwrap_or(behind.len())];
        out += before;
        let hidden = url.rfind('@').unwrap_or(0);
        out += if hidden > 0 { "***" } else { "" };
        out += &url[hidden..];
        rest = &behind[url.len()..];
    }
    if out.is_empty() {
        text.into()
    } else {
        (out + rest).into()
    }
}

/// An address that somebody typed, which may lack its scheme, without user and password.
pub fn address(text: &str) -> Cow<'_, str> {
    match text.rfind('@') {
        Some(_) if text.contains("://") => without_passwords(text),
        Some(at) => format!("***{}", &text[at..]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn foreign_text_cannot_reach_the_terminal_or_begin_a_line() {
        for (text, shown) in [
            ("a\nb\tc\r", r"a\nb\tc\r"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}", r"\u{1b}[2J\u{1b}]0;x\u{7}"),
            ("\u{9b}31m\u{7f}\0\u{85}", r"\u{9b}31m\u{7f}\u{0}\u{85}"),
            ("a\u{202e}b\u{2028}", r"a\u{202e}b\u{2028}"),
            ("空は青い 🙂 é שלום \\", "空は青い 🙂 é שלום \\"),
        ] {
            assert_eq!(one_line(text), shown);
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
            assert_eq!(gist(page, 100), shown);
        }
        assert_eq!(
            (gist(&"é".repeat(3), 3), gist(&"é".repeat(4), 3)),
            ("ééé".to_owned(), "ééé…".to_owned())
        );
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
        ] {
            assert_eq!(without_passwords(text), shown);
        }
        assert_eq!(
            [
                address("user:pw@host"),
                address("http://user:pw@host"),
                address("host:1")
            ],
            ["***@host", "http://***@host", "host:1"]
        );
    }

    proptest! {
        #[test]
        fn whatever_a_stranger_chose_stays_in_one_line(text in any::<String>()) {
            prop_assert!(!one_line(&text).contains(|c: char| c.is_control() || is_invisible(c)));
            let page = format!("<{text}");
            prop_assert!(!gist(&page, 50).contains(|c: char| c.is_control() || is_invisible(c)));
        }

        #[test]
        fn no_password_is_left(password in "[a-z0-9:/@?#%]{6,20}", text in "[a-z ]{0,10}") {
            let shown = without_passwords(&format!("{text}http://user:{password}@host/x")).into_owned();
            prop_assert_eq!(shown, format!("{text}http://***@host/x"));
        }
    }
}
