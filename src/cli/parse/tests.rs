//! Command lines, and what they ask for.

use super::super::{ExportArgs, ProxyArgs, PurgeArgs, SearchArgs};
use super::*;

fn parsed(line: &str) -> Invocation {
    parse(line.split_whitespace().map(OsString::from))
}

fn usage(line: &str) -> String {
    match parsed(line) {
        Invocation::Usage(text) => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn flags_are_taken_as_typed_in_both_forms() {
    let args = ProxyArgs {
        listen: Some("--x=y".into()),
        token: Some("a=b".into()),
        workers: Some("".into()),
        ..ProxyArgs::default()
    };
    assert_eq!(
        parsed("proxy --listen --x=y --token=a=b --workers="),
        Invocation::Run(Box::new(Command::Proxy(args)))
    );
    assert_eq!(
        parsed("proxy"),
        Invocation::Run(Box::new(Command::Proxy(ProxyArgs::default())))
    );
}

#[test]
fn a_question_takes_words_switches_and_flags_in_any_order() {
    let text = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let args = SearchArgs {
        text: text(&["blue", "sky"]),
        json: true,
        model: Some("phi4".into()),
        ..SearchArgs::default()
    };
    assert_eq!(
        parsed("search --json blue sky --model=phi4"),
        Invocation::Run(Box::new(Command::Search(args)))
    );
    let args = SearchArgs {
        text: text(&["--json=x", "help"]),
        ..SearchArgs::default()
    };
    assert_eq!(
        parsed("search -- --json=x help"),
        Invocation::Run(Box::new(Command::Search(args)))
    );
    let args = ExportArgs {
        output: Some("--a=b".into()),
        listen: Some("1".into()),
        ..ExportArgs::default()
    };
    assert_eq!(
        parsed("export -o --a=b --listen 1"),
        Invocation::Run(Box::new(Command::Export(args)))
    );
    let args = PurgeArgs {
        before: Some("-5".into()),
        yes: true,
        ..PurgeArgs::default()
    };
    assert_eq!(
        parsed("purge --yes --before -5"),
        Invocation::Run(Box::new(Command::Purge(args)))
    );
    assert_eq!(
        usage("stats --hour 3"),
        "unrecognized argument: --hour (see `ollama-tap stats --help`)"
    );
}

#[test]
fn version_and_help_are_printed() {
    let version = Invocation::Print(concat!("ollama-tap ", env!("CARGO_PKG_VERSION")).into());
    assert_eq!(parsed("--version"), version);
    assert_eq!(parsed("-V"), version);
    for line in [
        "--help",
        "-h",
        "proxy --help",
        "proxy -h",
        "proxy help",
        "--help proxy",
        "stats -h",
        "search --help",
        "purge help",
    ] {
        assert!(
            matches!(parsed(line), Invocation::Print(text) if text.starts_with("Usage: ollama-tap")),
            "{line}"
        );
    }
}

#[test]
fn an_unknown_flag_names_the_help_that_lists_the_flags() {
    assert_eq!(
        usage("proxy --frobnicate 1"),
        "unrecognized argument: --frobnicate (see `ollama-tap proxy --help`)"
    );
    assert_eq!(
        usage("--frobnicate"),
        "unrecognized argument: --frobnicate (see `ollama-tap serve --help`)"
    );
    assert_eq!(
        usage("proxy --listen"),
        "no value provided for option '--listen' (see `ollama-tap proxy --help`)"
    );
    assert_eq!(
        usage("proxy stray"),
        "unrecognized argument: stray (see `ollama-tap proxy --help`)"
    );
    assert!(usage("proxy --listen 1 --listen 2").contains("'--listen' with value '2': duplicate"));
}

#[test]
fn no_command_and_flags_alone_mean_serve() {
    let serve = |args: ServeArgs| Invocation::Run(Box::new(Command::Serve(args)));
    for line in ["", "serve", "start"] {
        assert_eq!(parsed(line), serve(ServeArgs::default()), "{line:?}");
    }
    for line in [
        "--backend-port 9",
        "serve --backend-port=9",
        "start --backend-port 9",
    ] {
        assert_eq!(
            parsed(line),
            serve(ServeArgs {
                backend_port: Some("9".into()),
                ..ServeArgs::default()
            }),
            "{line:?}"
        );
    }
    assert_eq!(
        usage("serve --upstream x"),
        "unrecognized argument: --upstream (see `ollama-tap serve --help`)"
    );
}

#[test]
fn from_the_first_foreign_word_on_every_argument_is_ollamas() {
    let ollama =
        |line: &str| Invocation::Ollama(line.split_whitespace().map(OsString::from).collect());
    for line in [
        "run phi4 --help",
        "list",
        "help",
        "-v",
        "serves -- --listen=x",
        "run --format=json --x phi4 a=b",
    ] {
        assert_eq!(parsed(line), ollama(line), "{line:?}");
    }
    assert_eq!(parsed("-- search x --json"), ollama("search x --json"));
    assert_eq!(parsed("-- --version"), ollama("--version"));
    assert_eq!(parsed("--"), ollama(""));
}
