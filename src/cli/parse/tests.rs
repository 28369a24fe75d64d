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
        "unrecognized argument: --hour; did you mean `--hours`? (see `ollama-tap stats --help`)"
    );
}

#[test]
fn version_and_help_are_ours() {
    for line in ["--version", "-V", "-v", "version"] {
        assert_eq!(
            parsed(line),
            Invocation::Run(Box::new(Command::Version(VersionArgs {}))),
            "{line}"
        );
    }
    for (line, command) in [
        ("--help", &[][..]),
        ("-h", &[]),
        ("help", &[]),
        ("proxy --help", &["proxy"]),
        ("proxy -h", &["proxy"]),
        ("proxy help", &["proxy"]),
        ("--help proxy", &["proxy"]),
        ("help proxy", &["proxy"]),
        ("--listen 1 --help", &["serve"]),
        ("search --help", &["search"]),
        ("purge help", &["purge"]),
        ("service --help", &["service"]),
        ("service install --dry-run --help", &["service", "install"]),
        ("help service install", &["service", "install"]),
        ("help start", &["serve"]),
        ("help service start", &["service", "start"]),
        ("service start --help", &["service", "start"]),
    ] {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(parsed(line), Invocation::Help(command), "{line}");
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
        "unrecognized argument: --frobnicate (see `ollama-tap --help`)"
    );
    assert_eq!(
        usage("--hlep"),
        "unrecognized argument: --hlep; did you mean `--help`? (see `ollama-tap --help`)"
    );
    assert_eq!(
        usage("service install --lisen 1"),
        "unrecognized argument: --lisen; did you mean `--listen`? (see `ollama-tap service install --help`)"
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
        "stop phi4",
        "frobnicate -- --listen=x",
        "run --format=json --x phi4 a=b",
    ] {
        assert_eq!(parsed(line), ollama(line), "{line:?}");
    }
    assert_eq!(parsed("-- search x --json"), ollama("search x --json"));
    assert_eq!(parsed("-- --version"), ollama("--version"));
    assert_eq!(parsed("--"), ollama(""));
}

#[test]
fn a_word_close_to_one_of_ours_is_not_ollamas_unless_it_has_it() {
    for (line, meant) in [
        ("serach sky --json", &["search"][..]),
        ("stat", &["stats"]),
        ("proxxy", &["proxy"]),
        ("completion bash", &["completions"]),
        ("hlep", &["help"]),
        ("strat", &["start"]),
    ] {
        let Invocation::Misspelt { words, closest } = parsed(line) else {
            panic!("{line}: {:?}", parsed(line));
        };
        let typed: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        assert_eq!(words, typed, "{line}");
        assert!(
            meant.iter().all(|word| closest.contains(word)),
            "{closest:?}"
        );
    }
    for (known, _) in OLLAMA_COMMANDS {
        let is_ours = definition::command_names().any(|name| name == known);
        let is_ollamas = matches!(parsed(known), Invocation::Ollama(_));
        assert!(is_ours != is_ollamas, "{known}");
    }
}

#[test]
fn a_verb_of_the_service_that_there_is_not_lists_those_there_are() {
    let verbs = "install, uninstall, start, stop, restart, status, logs, test, run";
    assert_eq!(
        usage("service instal --dry-run"),
        format!("service cannot `instal`; did you mean `install`? It can {verbs}")
    );
    assert_eq!(
        usage("service frobnicate"),
        format!("service cannot `frobnicate`; it can {verbs}")
    );
    assert_eq!(
        usage("service"),
        format!("service needs to know what to do: {verbs}")
    );
}
