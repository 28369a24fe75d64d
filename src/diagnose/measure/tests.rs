//! Texts measured as a person would, however they come.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::class::Class;
use super::*;

/// What the characters of one run have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Run {
    Space,
    Ascii,
    Letters,
    Digits,
    Underscores,
    Signs,
}

fn run_of(letter: char) -> Run {
    match Class::find(letter) {
        Class::Blank | Class::LineFeed | Class::Space => Run::Space,
        Class::Lower | Class::Upper => Run::Ascii,
        Class::Letter | Class::Ideograph => Run::Letters,
        Class::Digit => Run::Digits,
        Class::Underscore => Run::Underscores,
        Class::Sign => Run::Signs,
    }
}

/// The measures of a text, found run by run and letter by letter.
fn slowly(text: &str) -> Measures {
    let letters: Vec<char> = text.chars().collect();
    let mut measures = Measures {
        bytes: text.len() as u64,
        ..Measures::default()
    };
    let mut before = Run::Space;
    for run in letters.chunk_by(|one, next| run_of(*one) == run_of(*next)) {
        let kind = run_of(run[0]);
        let is_letters = |run| matches!(run, Run::Ascii | Run::Letters);
        let is_new = is_letters(kind) && !is_letters(before) || kind == Run::Digits;
        measures.runs += u64::from(is_new);
        measures.words += u64::from(before == Run::Space && kind != Run::Space);
        measures.guess += guess(kind, run);
        before = kind;
    }
    measures
}

fn guess(kind: Run, run: &[char]) -> f64 {
    let length = run.len() as f64;
    let has = |class: Class| run.iter().any(|letter| Class::find(*letter) == class);
    let distinct = run
        .iter()
        .map(|sign| (sign.is_ascii(), *sign as u32 & 0x7f));
    let distinct = distinct.collect::<BTreeSet<_>>().len() as f64;
    match kind {
        Run::Space if has(Class::LineFeed) => 0.5,
        Run::Space if run == [' '] => 0.0,
        Run::Space => 0.3,
        Run::Ascii => humps(run).map(|(small, length)| hump(small, length)).sum(),
        Run::Letters if has(Class::Ideograph) => length * 0.62,
        Run::Letters => length / 2.5,
        Run::Digits => length / 2.2,
        Run::Underscores | Run::Signs if run.len() == 1 => 0.75,
        Run::Underscores => (length / 8.0).max(1.0),
        Run::Signs => (distinct / 2.0).max(length / 8.0).max(1.0),
    }
}

/// The parts of `HTTPServer`, `HTTP` and `Server`: whether each has small letters, and how many.
fn humps(run: &[char]) -> impl Iterator<Item = (bool, usize)> {
    let mut humps: Vec<(bool, usize)> = Vec::new();
    for (at, letter) in run.iter().enumerate() {
        let is_head = |letter: &char| letter.is_uppercase();
        let is_small = !is_head(letter) || run.get(at + 1).is_some_and(|next| !is_head(next));
        match humps.last_mut() {
            Some((small, length)) if *small == is_small && !(is_small && is_head(letter)) => {
                *length += 1;
            }
            _ => humps.push((is_small, 1)),
        }
    }
    humps.into_iter()
}

fn hump(is_small: bool, length: usize) -> f64 {
    let most = if is_small { 7.0 } else { 3.0 };
    (length as f64 / most).max(1.0)
}

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
    fn a_block_counts_what_its_letters_do(
        texts in prop::collection::vec("[a-z]{0,20}|[A-Z]{0,12}|[a-zA-Z]{0,9}|[0-9]{0,5}|_{0,20}|[ \n\t\r\u{3000}]{0,3}|[-+.,\"{}:]{0,9}|-{0,60}|[éжλ日本😀👍٣]{0,4}|.{0,4}", 0..40)
    ) {
        let text = texts.concat();
        let (fast, slow) = (Measures::of(&text), slowly(&text));
        prop_assert!((fast.guess - slow.guess).abs() < 1e-6, "{} {}", fast.guess, slow.guess);
        prop_assert_eq!(Measures { guess: 0.0, ..fast }, Measures { guess: 0.0, ..slow });
    }

    #[test]
    fn words_are_what_white_space_parts(text in "[a-z0-9 \n\t.,;(){}_-]{0,80}") {
        prop_assert_eq!(Measures::of(&text).words, text.split_whitespace().count() as u64);
    }
}
