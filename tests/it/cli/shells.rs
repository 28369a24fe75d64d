//! What shells complete, by driving them, and the man page.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::{Options, assert_contains, require_tool, run_expecting};

/// A line, whose last word is to be completed, with what must be offered and what must not.
const LINES: [(&str, &[&str], &[&str]); 13] = [
    ("se", &["serve", "search", "service"], &["stats"]),
    (
        "",
        &["run", "pull", "start", "help", "--version"],
        &["install"],
    ),
    (
        "proxy --analytics-backend ",
        &["jsonl", "sqlite", "loki", "none"],
        &["--listen"],
    ),
    ("export --format ", &["json", "csv"], &[]),
    ("serve --store-text p", &["preview"], &["full"]),
    ("search --status ", &["success", "error", "cancelled"], &[]),
    (
        "search --category code_",
        &["code_write", "code_debug"],
        &["question"],
    ),
    // The value of a flag is no command, and text is none either.
    (
        "stats --analytics-dir export --",
        &["--hours", "--by"],
        &["--output", "--format"],
    ),
    ("search serve --st", &["--status"], &["--store-text"]),
    ("service inst", &["install"], &["status"]),
    ("service install --ba", &["--backend-port"], &[]),
    ("start --back", &["--backend-port"], &[]),
    ("completions p", &["powershell"], &["bash"]),
];

fn script(shell: &str) -> String {
    run_expecting(Options::bare(&["completions", shell]), 0).0
}

/// The words that a shell offers, whose program reads the script and the words of the line.
fn offered(program: &[&str], input: &str) -> Vec<String> {
    let mut shell = Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the shell");
    let mut pipe = shell.stdin.take().expect("a pipe");
    pipe.write_all(input.as_bytes()).expect("write");
    drop(pipe);
    let output = shell.wait_with_output().expect("its output");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| {
            line.split(['\t', ':'])
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

fn check(shell: &str, offered: impl Fn(&str) -> Vec<String>) {
    for (line, wanted, unwanted) in LINES {
        let words = offered(line);
        for word in wanted {
            assert!(
                words.iter().any(|known| known == word),
                "{shell}: {line:?} lacks {word}: {words:?}"
            );
        }
        for word in unwanted {
            assert!(
                words.iter().all(|known| known != word),
                "{shell}: {line:?} has {word}: {words:?}"
            );
        }
    }
}

/// The words of a line as a shell's array.
fn array(line: &str) -> String {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    format!("ollama-tap {}", words.join(" "))
}

#[test]
fn bash_completes_words_flags_and_values() {
    if !require_tool("bash", &["--version"]) {
        return;
    }
    let script = script("bash");
    let run = |line: &str| {
        format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _ollama_tap; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            array(line)
        )
    };
    check("bash", |line| offered(&["bash", "--norc"], &run(line)));
    // Readline takes `=` and `:` for words.
    for (line, word) in [
        ("proxy --store-text = p", "preview"),
        ("proxy --listen 127.0.0.1 : 8000 --work", "--workers"),
        ("proxy --listen : 8000 --work", "--workers"),
    ] {
        assert_eq!(offered(&["bash", "--norc"], &run(line)), [word], "{line}");
    }
}

#[test]
fn zsh_completes_words_flags_and_values() {
    if !require_tool("zsh", &["--version"]) {
        return;
    }
    // Its own functions need a terminal; what they are told is what counts.
    let stand_ins = "compdef() { : }; _files() { : }; compadd() { print -rl -- ${(M)${(P)2}:#$PREFIX*} }\n\
         _describe() { print -rl -- ${(M)${(P)3}:#$PREFIX*} }\n";
    let script = script("zsh");
    check("zsh", |line| {
        let call = format!(
            "words=({}); CURRENT=${{#words}}; PREFIX=$words[-1]; _ollama_tap\n",
            array(line)
        );
        offered(&["zsh", "-f"], &format!("{stand_ins}{script}\n{call}"))
    });
}

#[test]
fn fish_completes_words_flags_and_values() {
    if !require_tool("fish", &["--version"]) {
        return;
    }
    let script = script("fish");
    check("fish", |line| {
        offered(
            &["fish", "--no-config"],
            &format!("{script}\ncomplete -C 'ollama-tap {line}'\n"),
        )
    });
}

#[test]
fn the_man_page_has_its_sections_and_no_warning() {
    let (page, _) = run_expecting(Options::bare(&["man"]), 0);
    assert_contains(
        &page,
        &[
            ".SH NAME",
            ".SH SYNOPSIS",
            ".SH DESCRIPTION",
            ".SH COMMANDS",
            ".SH OPTIONS",
            ".SH EXAMPLES",
            ".SH ENVIRONMENT",
            ".SH FILES",
            ".SH EXIT STATUS",
        ],
    );
    if !require_tool("groff", &["--version"]) {
        return;
    }
    let mut groff = Command::new("groff")
        .args(["-man", "-Tutf8", "-ww", "-z"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start groff");
    let mut pipe = groff.stdin.take().expect("a pipe");
    pipe.write_all(page.as_bytes()).expect("write");
    drop(pipe);
    let output = groff.wait_with_output().expect("its output");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn an_unknown_shell_is_told_which_there_are() {
    for args in [&["completions"][..], &["completions", "tcsh"]] {
        let (_, stderr) = run_expecting(Options::bare(args), 2);
        assert_contains(&stderr, &["bash, zsh, fish, powershell"]);
    }
}
