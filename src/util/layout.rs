//! LAYOUT: text as wide as there is room for, counted in columns of a terminal.

/// Characters that take two columns: those of Chinese, Japanese and Korean, and emoji.
const WIDE: [(char, char); 21] = [
    ('\u{1100}', '\u{115f}'),
    ('\u{231a}', '\u{231b}'),
    ('\u{23e9}', '\u{23f3}'),
    ('\u{25fd}', '\u{25fe}'),
    ('\u{2614}', '\u{2615}'),
    ('\u{2648}', '\u{2653}'),
    ('\u{267f}', '\u{2757}'),
    ('\u{2795}', '\u{27bf}'),
    ('\u{2b1b}', '\u{2b55}'),
    ('\u{2e80}', '\u{303e}'),
    ('\u{3041}', '\u{a4cf}'),
    ('\u{a960}', '\u{a97f}'),
    ('\u{ac00}', '\u{d7a3}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{fe30}', '\u{fe6f}'),
    ('\u{ff00}', '\u{ff60}'),
    ('\u{ffe0}', '\u{ffe6}'),
    ('\u{16fe0}', '\u{1b2ff}'),
    ('\u{1f004}', '\u{1f2ff}'),
    ('\u{1f300}', '\u{1faff}'),
    ('\u{20000}', '\u{3fffd}'),
];

/// Marks that stand above or below the character before them.
const COMBINING: [(char, char); 4] = [
    ('\u{300}', '\u{36f}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{1dc0}', '\u{1dff}'),
    ('\u{20d0}', '\u{20ff}'),
];

/// Returns the columns that a character takes: rather too many than too few, where terminals differ.
pub fn char_columns(c: char) -> usize {
    let is_in =
        |ranges: &[(char, char)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
    match c {
        ..'\u{300}' => 1,
        _ if is_in(&COMBINING) => 0,
        _ if is_in(&WIDE) => 2,
        _ => 1,
    }
}

/// Returns the columns that a text takes. It is without control characters.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// Returns the longest beginning of the text that takes at most `width` columns.
pub fn beginning(text: &str, width: usize) -> &str {
    let mut room = width;
    let end = text.char_indices().find(|(_, c)| {
        let needed = char_columns(*c);
        let is_full = needed > room;
        room = room.saturating_sub(needed);
        is_full
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// Returns the longest end of the text that takes at most `width` columns.
fn ending(text: &str, width: usize) -> &str {
    let mut room = width;
    let mut from = text.len();
    for (at, c) in text.char_indices().rev() {
        let needed = char_columns(c);
        if needed > room {
            break;
        }
        room -= needed;
        from = at;
    }
    &text[from..]
}

/// Cuts the text to `width` columns, the last of which says that there was more.
pub fn truncate(text: &str, width: usize) -> String {
    if beginning(text, width).len() == text.len() {
        return text.to_owned();
    }
    match width {
        0 => String::new(),
        _ => format!("{}…", beginning(text, width - 1)),
    }
}

/// Cuts the text in its middle to `width` columns: the end of a model's name tells as much as its beginning.
pub fn shorten(text: &str, width: usize) -> String {
    if beginning(text, width).len() == text.len() {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let (head, tail) = (beginning(text, room / 2), room - room / 2);
    format!("{head}…{}", ending(text, tail))
}

/// The text as lines of at most `width` columns, broken between words where that is possible.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if room < columns(word) + 1 && room < width {
            lines.push(String::new());
            room = width;
        }
        for (n, c) in word.chars().enumerate() {
            let gap = n == 0 && room < width;
            let needed = char_columns(c) + usize::from(gap);
            if room < needed && room < width {
                lines.push(String::new());
                room = width;
            }
            let gap = gap && room < width;
            if let Some(line) = lines.last_mut() {
                line.extend(gap.then_some(' ').into_iter().chain([c]));
            }
            room = room.saturating_sub(char_columns(c) + usize::from(gap));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn characters_of_the_east_take_two_columns_and_marks_none() {
        for (text, expected) in [
            ("phi4", 4),
            ("空は青い", 8),
            ("한국어", 6),
            ("e\u{301}t", 2),
            ("🙂", 2),
            ("é…·>", 4),
            ("", 0),
        ] {
            assert_eq!(columns(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        for (text, width, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("éééé", 3, "éé…"),
            ("空は青い", 6, "空は…"),
            ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
        ] {
            assert_eq!(truncate(text, width), expected);
        }
    }

    #[test]
    fn a_name_keeps_its_beginning_and_its_end() {
        let name = "hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M";
        assert_eq!(shorten(name, 26), "hf.co/bartow…t-GGUF:Q4_K_M");
        assert_eq!(shorten("phi4", 4), "phi4");
        assert_eq!(shorten("空は青い", 5), "空…い");
    }

    #[test]
    fn lines_break_between_words_and_within_those_that_are_too_long() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a abcdefgh b", 4), ["a", "abcd", "efgh", "b"]);
        assert_eq!(wrap("a 空は青い", 5), ["a", "空は", "青い"]);
        assert_eq!(wrap("", 4), [""]);
    }

    proptest! {
        #[test]
        fn no_text_is_wider_than_its_room(text in "[ -~é空🙂\u{301}]{0,60}", width in 2usize..40) {
            for width in 0..width {
                prop_assert!(columns(&truncate(&text, width)) <= width);
                prop_assert!(columns(&shorten(&text, width)) <= width);
            }
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| columns(line) <= width), "{lines:?}");
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
