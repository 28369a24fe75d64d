//! Normalizes the names of models. For Ollama `talk`, `TALK`, `talk:latest` and
//! `registry.ollama.ai/library/talk:latest` are one model, which /api/ps calls `talk:latest`; here
//! it is `talk` everywhere: in metrics, in the history, in filters and on the page.
//!
//! The rules are those of Ollama's types/model/name.go,
//! `[SCHEME://][HOST/][NAMESPACE/]MODEL[:TAG][@DIGEST]`, whose missing parts default to https,
//! registry.ollama.ai, library and latest. Names are ASCII there, so no other letter changes its
//! case, and a text that is not a name for Ollama stays as it is.

use std::borrow::Cow;

use super::text::prefix;

/// The longest name that is kept, in bytes; Ollama's own have parts of at most 350 and 80.
pub const MAX_MODEL_NAME: usize = 512;

const SCHEME_END: &str = "://";
const DEFAULT_HOST: &str = "registry.ollama.ai/";
const DEFAULT_NAMESPACE: &str = "library/";
const DEFAULT_TAG: &str = ":latest";

/// Returns the normalized name of a model. Normalizing it again changes nothing; a name that is not
/// empty does not become empty.
pub fn normalize(name: &str) -> Cow<'_, str> {
    let name = prefix(name, MAX_MODEL_NAME);
    let name = Some(name.trim())
        .filter(|trimmed| !trimmed.is_empty())
        .unwrap_or(name);
    let Some((model, digest)) = name.split_once('@') else {
        return to_lower_case(strip_defaults(name));
    };
    let short = strip_defaults(model);
    if short.len() == model.len() {
        to_lower_case(name)
    } else {
        format!("{short}@{digest}").to_ascii_lowercase().into()
    }
}

/// Normalizes a name that may be borrowed or owned, without a copy if that changes nothing.
pub fn normalize_cow(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => normalize(name),
        Cow::Owned(name) => match normalize(&name) {
            Cow::Borrowed(normalized) if normalized.len() == name.len() => name.into(),
            normalized => normalized.into_owned().into(),
        },
    }
}

/// Strips the parts that Ollama adds if they are missing, and blanks around the name.
fn strip_defaults(mut name: &str) -> &str {
    while let Some(shorter) = strip_one_default(name).filter(|shorter| !shorter.is_empty()) {
        name = shorter;
    }
    name
}

fn strip_one_default(name: &str) -> Option<&str> {
    let trimmed = name.trim();
    if trimmed.len() < name.len() {
        return Some(trimmed);
    }
    strip_scheme(name)
        .or_else(|| strip_prefix(name, DEFAULT_HOST))
        .or_else(|| strip_namespace(name))
        .or_else(|| strip_suffix(name, DEFAULT_TAG))
}

fn strip_scheme(name: &str) -> Option<&str> {
    let (scheme, rest) = name.split_once(SCHEME_END)?;
    let is_scheme = !scheme.is_empty()
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
    is_scheme.then_some(rest)
}

fn strip_namespace(name: &str) -> Option<&str> {
    strip_prefix(name, DEFAULT_NAMESPACE).filter(|model| !model.contains('/'))
}

fn strip_prefix<'a>(name: &'a str, part: &str) -> Option<&'a str> {
    let (head, rest) = name.split_at_checked(part.len())?;
    head.eq_ignore_ascii_case(part).then_some(rest)
}

fn strip_suffix<'a>(name: &'a str, part: &str) -> Option<&'a str> {
    let (rest, tail) = name.split_at_checked(name.len().checked_sub(part.len())?)?;
    tail.eq_ignore_ascii_case(part).then_some(rest)
}

fn to_lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_that_ollama_takes_for_one_model_is_one_name() {
        for spelling in [
            "talk",
            "TALK",
            "Talk:Latest",
            "talk:latest",
            " talk\t",
            "library/talk",
            "Library/TALK:latest",
            "registry.ollama.ai/library/talk",
            "registry.ollama.ai/library/talk:latest",
            "Registry.Ollama.AI/library/Talk",
            "https://registry.ollama.ai/library/talk:latest",
            "HTTP://registry.ollama.ai/library/talk",
        ] {
            assert_eq!(normalize(spelling), "talk", "{spelling}");
        }
    }

    #[test]
    fn parts_that_tell_models_apart_stay() {
        for (spelling, name) in [
            ("talk:7b", "talk:7b"),
            ("Talk:7B-Q4_K_M", "talk:7b-q4_k_m"),
            ("gpt-oss:120b-cloud", "gpt-oss:120b-cloud"),
            ("somebody/Talk:latest", "somebody/talk"),
            ("registry.ollama.ai/somebody/talk", "somebody/talk"),
            (
                "hf.co/Bartowski/Llama-3.2-3B-GGUF:Q4_K_M",
                "hf.co/bartowski/llama-3.2-3b-gguf:q4_k_m",
            ),
            ("hf.co/library/talk:latest", "hf.co/library/talk"),
            (
                "http://localhost:5000/library/talk:latest",
                "localhost:5000/library/talk",
            ),
            (
                "registry.ollama.ai:443/library/talk",
                "registry.ollama.ai:443/library/talk",
            ),
            ("library/somebody/talk", "library/somebody/talk"),
            ("talk:latest-1", "talk:latest-1"),
            ("latest", "latest"),
            ("library:latest", "library"),
            ("Talk@SHA256:AB12", "talk@sha256:ab12"),
            ("library/talk:latest@sha256:ab12", "talk@sha256:ab12"),
        ] {
            assert_eq!(normalize(spelling), name, "{spelling}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_name_for_ollama_stays_itself() {
        for name in [
            "",
            " ",
            ":latest",
            "library/",
            "https://",
            "registry.ollama.ai/",
            "@sha256:ab",
            "talk:",
            "/",
            "ÄÖ",
            "\u{212a}",
            "a\0b",
            "://x",
        ] {
            assert_eq!(normalize(name), name);
        }
        assert_eq!(normalize("İSTANBUL/Ünal:LATEST"), "İstanbul/Ünal");
        assert_eq!(
            normalize("/models/Some File.gguf"),
            "/models/some file.gguf"
        );
        assert_eq!(
            normalize(&"é".repeat(MAX_MODEL_NAME)),
            "é".repeat(MAX_MODEL_NAME / 2)
        );
    }

    #[test]
    fn a_name_that_is_folded_already_is_borrowed() {
        assert!(
            matches!(normalize("talk:7b"), Cow::Borrowed(_))
                && matches!(normalize("library/talk"), Cow::Borrowed(_))
        );
        assert_eq!(normalize_cow("TALK".to_owned().into()), "talk");
        assert_eq!(normalize_cow(" talk".to_owned().into()), "talk");
        assert_eq!(normalize_cow("talk".to_owned().into()), "talk");
    }

    /// Generates names, and texts like names, from the pieces that mean something.
    fn spelling() -> impl Strategy<Value = String> {
        const PIECES: [&str; 14] = [
            "registry.ollama.ai/",
            "library/",
            ":latest",
            "https://",
            "talk",
            "TALK",
            "@sha256:",
            "/",
            ":",
            " ",
            "é",
            "İ",
            "\u{212a}",
            "x",
        ];
        prop_oneof![
            any::<String>(),
            proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..9)
                .prop_map(|parts| parts.concat())
        ]
    }

    proptest! {
        #[test]
        fn normalizing_twice_is_normalizing_once_and_leaves_something(name in spelling(), long in 0..3usize) {
            let name = name.repeat(1 + long * 100);
            let once = normalize(&name);
            prop_assert_eq!(normalize(&once), once.clone());
            prop_assert_eq!(once.is_empty(), name.is_empty());
            prop_assert!(once.len() <= MAX_MODEL_NAME && !once.bytes().any(|byte| byte.is_ascii_uppercase()));
            prop_assert!(name.to_ascii_lowercase().contains(&*once) || name.contains('@'));
        }

        #[test]
        fn case_and_defaults_make_no_difference(model in "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20}(:[a-z0-9_][a-zA-Z0-9_.-]{0,9})?") {
            let tagged = if model.contains(':') { model.clone() } else { format!("{model}:latest") };
            let full = format!("https://registry.ollama.ai/library/{tagged}");
            for spelling in [model.to_ascii_uppercase(), format!("library/{model}"), tagged, full] {
                prop_assert_eq!(normalize(&spelling), normalize(&model));
            }
        }
    }
}
