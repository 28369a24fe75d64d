//! Text of prompts and replies as lines of a terminal: prose is wrapped between words, and code stays as it is, so that it can be
//! copied.

use crate::util::layout::{columns, wrap};
use crate::util::sanitize::escape_control_chars;
use crate::util::screen::{Screen, Style};

/// How far texts stand in below their headings.
pub const INDENT: &str = "  ";

/// The columns of a tab.
const TAB: &str = "    ";

/// The lines and characters of a text that is shortened.
const SHORT_LINES: usize = 6;
const SHORT_CHARS: usize = 480;

/// Returns the text as indented lines, of which only those of code may be wider than the screen.
pub fn lines(text: &str, style: Style, screen: &Screen) -> Vec<String> {
    let room = screen
        .width
        .map(|width| width.saturating_sub(INDENT.len()).max(1));
    let mut fence = None;
    let mut lines = Vec::new();
    for line in text.trim_end().split('\n') {
        let line = line.trim_end_matches('\r').replace('\t', TAB);
        let line = escape_control_chars(&line);
        let is_code = fence.is_some() || is_code(&line);
        fence = match fence {
            Some(open) if closes(open, &line) => None,
            Some(open) => Some(open),
            None => fence_of(&line),
        };
        match room.filter(|_| !is_code && fence.is_none()) {
            Some(room) => lines.extend(prose(&line, room)),
            None => lines.push(line.into_owned()),
        }
    }
    let lines = lines.iter();
    lines.map(|line| indented(line, style, screen)).collect()
}

fn indented(line: &str, style: Style, screen: &Screen) -> String {
    match line.is_empty() {
        true => String::new(),
        false => format!("{INDENT}{}", screen.paint(style, line)),
    }
}

/// Returns the text, or as much of its beginning as is shown of a text that is not asked for.
pub fn shortened(text: &str) -> (&str, bool) {
    let text = text.trim_end();
    let ends = text.match_indices('\n').map(|(at, _)| at);
    let lines_end = ends.clone().nth(SHORT_LINES - 1);
    let chars_end = text.char_indices().nth(SHORT_CHARS).map(|(at, _)| at);
    match [lines_end, chars_end].into_iter().flatten().min() {
        Some(end) => (&text[..end], true),
        None => (text, false),
    }
}

/// Does a line mean what it says only as it stands: code that is indented, or a row of a table?
fn is_code(line: &str) -> bool {
    line.starts_with(TAB) || line.starts_with('|')
}

/// The mark of a block of code, and its length, where this line begins one.
fn fence_of(line: &str) -> Option<(char, usize)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|mark| "`~".contains(*mark))?;
    let length = line.chars().take_while(|c| *c == mark).count();
    (length >= 3).then_some((mark, length))
}

fn closes((mark, length): (char, usize), line: &str) -> bool {
    let line = line.trim();
    line.chars().all(|c| c == mark) && line.chars().count() >= length
}

/// Wraps a line; what follows the first stands below its text, beside the mark of a list.
fn prose(line: &str, room: usize) -> Vec<String> {
    let text = line.trim_start();
    let text = &text[mark_of_list(text)..];
    let mark = &line[..line.len() - text.len()];
    let hang = columns(mark);
    if hang + hang > room {
        return wrap(line, room);
    }
    let lines = wrap(text, room - hang);
    let mut lines = lines.into_iter();
    let first = format!("{mark}{}", lines.next().unwrap_or_default());
    let rest = lines.map(|line| format!("{}{line}", " ".repeat(hang)));
    let first = std::iter::once(first.trim_end().to_owned());
    first.chain(rest).collect()
}

/// The length of the mark that an item of a list or a quotation begins with.
fn mark_of_list(text: &str) -> usize {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    let marks: &[&str] = match digits {
        0 => &["- ", "* ", "+ ", "> "],
        _ => &[". ", ") "],
    };
    let mark = marks.iter().find(|mark| rest.starts_with(**mark));
    mark.map_or(0, |mark| digits + mark.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, width: usize) -> Vec<String> {
        let screen = Screen {
            width: Some(width),
            has_color: false,
        };
        lines(text, Style::Plain, &screen)
    }

    #[test]
    fn prose_is_wrapped_and_code_is_not() {
        let text = "Use this long sentence:\n\n```rust\nfn main() {\n\tprintln!(\"a long line\");\n}\n```\n\nand then say more";
        let expected = [
            "  Use this long",
            "  sentence:",
            "",
            "  ```rust",
            "  fn main() {",
            "      println!(\"a long line\");",
            "  }",
            "  ```",
            "",
            "  and then say more",
        ];
        assert_eq!(shown(text, 19), expected);
        let table = "| a column | another column |\n    indented by four spaces and long\n~~~~\n~~~ not the end of it, yet\n~~~~\nends";
        let lines = shown(table, 12);
        assert_eq!(lines.len(), 6, "{lines:?}");
    }

    #[test]
    fn items_of_lists_stand_below_their_text() {
        let text = "- one two three\n  10. four five six\n> quoted words here\nplain";
        let expected = [
            "  - one two",
            "    three",
            "    10. four",
            "        five six",
            "  > quoted words",
            "    here",
            "  plain",
        ];
        assert_eq!(shown(text, 16), expected);
    }

    #[test]
    fn without_a_bound_lines_stay_as_they_are_and_none_is_foreign() {
        let text = "a  b\u{1b}[2J and more than fits anywhere\r\n\tx\n";
        let expected = [r"  a  b\u{1b}[2J and more than fits anywhere", "      x"];
        assert_eq!(lines(text, Style::Plain, &Screen::default()), expected);
    }

    #[test]
    fn a_text_is_shortened_by_lines_and_by_characters() {
        assert_eq!(shortened("a\nb\n"), ("a\nb", false));
        assert_eq!(shortened("1\n2\n3\n4\n5\n6\n"), ("1\n2\n3\n4\n5\n6", false));
        assert_eq!(shortened("1\n2\n3\n4\n5\n6\n7"), ("1\n2\n3\n4\n5\n6", true));
        let long = "é".repeat(SHORT_CHARS + 1);
        let (short, is_cut) = shortened(&long);
        assert!(is_cut && short.chars().count() == SHORT_CHARS);
    }

    proptest! {
        #[test]
        fn no_line_of_prose_is_wider_than_the_screen(text in "[a-zé空 0-9.>*\\-\\n\u{7}]{0,200}", width in 8usize..60) {
            let lines = shown(&text, width);
            let code = |line: &&String| !line.starts_with("      ");
            prop_assert!(lines.iter().filter(code).all(|line| columns(line) <= width), "{lines:?}");
        }
    }
}
