//! CAUSE: what is the same of all errors of one kind, so that they are counted together.

use std::borrow::Cow;

use crate::observe::message_in;
use crate::observe::model_name::normalize;

/// The cause of errors whose own has no room.
pub const OTHER: &str = "other";

/// What stands for a name, or for what is quoted.
const NAME: &str = "…";

/// What stands for a word with digits.
const NUMBER: &str = "N";

/// Characters of an error that tell its cause.
const CAUSE_CHARS: usize = 160;

/// Returns the beginning of an error with numbers, quoted texts and the name of the model masked; of
/// JSON, that of the message in it. What was masked already stays as it is.
pub fn mask(error: &str, model: Option<&str>) -> String {
    let mut cause = String::new();
    let error = unwrap(error);
    let mut rest = &*error;
    while let Some(quote) = rest.find(['"', '`', '\'']) {
        let (before, quoted) = rest.split_at(quote);
        mask_words(before, model, &mut cause);
        let mark = &quoted[..1];
        // An apostrophe is no quotation mark: it stands within a word.
        let is_in_word = before.ends_with(char::is_alphanumeric) || before.ends_with(NAME);
        let is_apostrophe = mark == "'" && is_in_word;
        let end = quoted[1..].find(mark).filter(|_| !is_apostrophe);
        cause.push_str(mark);
        match end {
            Some(end) => {
                cause.push_str(NAME);
                cause.push_str(mark);
                rest = &quoted[end + 2..];
            }
            None => rest = &quoted[1..],
        }
    }
    mask_words(rest, model, &mut cause);
    shorten(&mut cause);
    cause
}

/// Returns an error with the message in place of the JSON that it ends with.
fn unwrap(error: &str) -> Cow<'_, str> {
    let mut error = Cow::Borrowed(error);
    while let Some(start) = error.find('{')
        && let Some(message) = message_in(&error[start..])
    {
        error = Cow::Owned(format!("{}{message}", &error[..start]));
    }
    error
}

/// Leaves whole words, where there are several.
fn shorten(cause: &mut String) {
    if let Some((end, _)) = cause.char_indices().nth(CAUSE_CHARS) {
        let word = cause[..end].rfind(char::is_whitespace);
        cause.truncate(word.unwrap_or(end));
    }
}

fn mask_words(text: &str, model: Option<&str>, cause: &mut String) {
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let name = word.trim_end_matches([',', '.', ':', ';', ')']);
        if model.is_some_and(|model| is_model(name, model)) {
            cause.push_str(NAME);
            cause.push_str(&piece[name.len()..]);
        } else {
            mask_numbers(piece, cause);
        }
    }
}

fn is_model(word: &str, model: &str) -> bool {
    !word.is_empty() && word != NUMBER && normalize(word) == model
}

/// Masks every run of letters, digits and points between them that has a digit.
fn mask_numbers(word: &str, cause: &mut String) {
    let mut rest = word;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(run_length(rest));
        let has_digit = run.bytes().any(|byte| byte.is_ascii_digit());
        cause.push_str(if has_digit { NUMBER } else { run });
        let width = after.chars().next().map_or(0, char::len_utf8);
        cause.push_str(&after[..width]);
        rest = &after[width..];
    }
}

fn run_length(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(char::is_alphanumeric);
        match rest.strip_prefix('.') {
            Some(after) if after.starts_with(char::is_alphanumeric) => rest = after,
            _ => return text.len() - rest.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_names_and_quoted_texts_are_masked() {
        for (error, cause) in [
            ("model 'llama3.2:1b' not found", "model '…' not found"),
            ("model phi not found", "model … not found"),
            (
                "connect to http://127.0.0.1:11434: connection refused",
                "connect to http://N:N: connection refused",
            ),
            (
                "model requires more system memory (9.3 GiB) than is available (7.1 GiB)",
                "model requires more system memory (N GiB) than is available (N GiB)",
            ),
            (
                "ollama's runner died: 0xc0000409",
                "ollama's runner died: N",
            ),
            ("it's \"a\" and `b`", "it's \"…\" and `…`"),
            ("an \"open end", "an \"open end"),
            (
                r#"{"error":"model 'phi' not found"}"#,
                "model '…' not found",
            ),
            (
                r#"ollama answered 500: {"error":{"message":"no room for 3 models","code":7}}"#,
                "ollama answered N: no room for N models",
            ),
            (
                r#"{"error":"{\"error\":\"twice wrapped\"}"}"#,
                "twice wrapped",
            ),
            (r#"{"code":7}"#, r#"{"…":N}"#),
            ("", ""),
        ] {
            assert_eq!(mask(error, Some("phi")), cause);
        }
    }

    #[test]
    fn errors_of_two_models_have_one_cause() {
        let of = |name: &str| mask(&format!("{name}: the runner has ended"), Some(name));
        assert_eq!(of("phi4"), of("qwen3:8b"));
    }

    proptest! {
        #[test]
        fn a_cause_is_its_own_cause(error in ".{0,400}", model in "[a-z]{1,4}") {
            let cause = mask(&error, Some(&model));
            prop_assert!(cause.chars().count() <= CAUSE_CHARS);
            prop_assert_eq!(mask(&cause, Some(&model)), cause);
        }
    }
}
