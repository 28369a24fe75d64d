//! Texts measured as a person would, however they come.

use proptest::prelude::*;

use super::*;

#[test]
fn words_runs_and_guesses_are_counted_as_a_person_would() {
    let rows = [
        ("", 0, 0, 0.0),
        ("two words", 2, 2, 2.0),
        ("HTTPServer2", 1, 2, 4.0 / 3.0 + 1.0 + 1.0 / 2.2),
        ("camelCase\n\n  next", 2, 2, 3.5),
        ("a_b", 1, 2, 2.75),
        ("x = {};", 3, 1, 1.0 + 0.75 + 1.5),
        ("日本語 text", 2, 2, 3.0 * 0.62 + 1.0),
        ("привет", 1, 1, 6.0 / 2.5),
        ("----------------", 1, 0, 2.0),
        ("internationalisation", 1, 1, 20.0 / 7.0),
    ];
    for (text, words, runs, guess) in rows {
        let measures = Measures::of(text);
        assert_eq!((measures.words, measures.runs), (words, runs), "{text}");
        assert!(
            (measures.guess - guess).abs() < 1e-9,
            "{text}: {}",
            measures.guess
        );
        assert_eq!(measures.bytes, text.len() as u64);
    }
}

#[test]
fn an_end_begins_anew() {
    let mut meter = Meter::default();
    meter.push("one");
    assert_eq!(meter.end().words, 1);
    meter.push("two");
    assert_eq!(meter.end(), Measures::of("two"));
}

proptest! {
    #[test]
    fn where_a_text_is_split_does_not_matter(pieces: Vec<String>) {
        let mut meter = Meter::default();
        for piece in &pieces {
            meter.push(piece);
        }
        prop_assert_eq!(meter.end(), Measures::of(&pieces.concat()));
    }

    #[test]
    fn words_are_what_white_space_parts(text in "[a-z0-9 \n\t.,;(){}_-]{0,80}") {
        prop_assert_eq!(Measures::of(&text).words, text.split_whitespace().count() as u64);
    }
}
