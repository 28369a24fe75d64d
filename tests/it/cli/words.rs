//! Our own words, those that are typed wrong, and those that are Ollama's.

use crate::harness::{Options, assert_contains, run_expecting, stderr_expecting};

/// A place where no ollama is found.
fn without_ollama(args: &[&str]) -> Options {
    Options::bare(args)
        .env("PATH", "")
        .env("OLLAMA_EXECUTABLE_PATH", "no-such-ollama")
}

#[test]
fn help_and_version_are_ours() {
    let version = concat!("ollama-tap ", env!("CARGO_PKG_VERSION"), "\n");
    for word in ["version", "-v", "-V", "--version"] {
        assert_eq!(
            run_expecting(without_ollama(&[word]), 0).0,
            version,
            "{word}"
        );
    }
    let (whole, _) = run_expecting(without_ollama(&["help"]), 0);
    assert_eq!(whole, run_expecting(without_ollama(&["--help"]), 0).0);
    assert_contains(
        &whole,
        &[
            "Usage: ollama-tap",
            "WORD...",
            "/analytics",
            "Examples:",
            "Exit codes:",
        ],
    );
    for command in [&["serve"][..], &["service", "install"]] {
        let (by_word, _) = run_expecting(without_ollama(&[&["help"], command].concat()), 0);
        let (by_flag, _) = run_expecting(without_ollama(&[command, &["--help"]].concat()), 0);
        assert_eq!(by_word, by_flag);
        assert_contains(&by_word, &["--listen ADDR"]);
    }
    let (verb, _) = run_expecting(without_ollama(&["service", "start", "--help"]), 0);
    assert_contains(&verb, &["Usage: ollama-tap service start"]);
    assert_contains(
        &stderr_expecting(without_ollama(&["help", "serv"]), 2),
        &["no such command `serv`; did you mean `serve`?"],
    );
    assert_contains(
        &stderr_expecting(without_ollama(&["help", "pull"]), 2),
        &["`pull` is a command of ollama's", "ollama-tap -- help pull"],
    );
}

#[test]
fn a_word_typed_wrong_is_told_what_was_meant() {
    for (word, meant) in [("serach", "search"), ("proxxy", "proxy"), ("hlep", "help")] {
        assert_contains(
            &stderr_expecting(without_ollama(&[word, "sky"]), 2),
            &[
                &format!("no such command `{word}`; did you mean `{meant}`?"),
                &format!("`ollama-tap -- {word}`"),
            ],
        );
    }
    assert_contains(
        &stderr_expecting(without_ollama(&["--hlep"]), 2),
        &["did you mean `--help`?", "`ollama-tap --help`"],
    );
    assert_contains(
        &stderr_expecting(without_ollama(&["service", "instal"]), 2),
        &["did you mean `install`?", "uninstall, start, stop"],
    );
}
