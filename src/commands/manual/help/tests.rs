//! The help of every command, at every width.

use super::*;

/// Every command, by the names that lead to it.
fn all() -> Vec<(CommandInfoWithArgs, Vec<&'static str>)> {
    let mut all = vec![(definition::program(), Vec::new())];
    let mut at = 0;
    while at < all.len() {
        let (command, path) = &all[at];
        let below: Vec<_> = command
            .commands
            .iter()
            .map(|below| {
                let path = [&path[..], &[below.name]].concat();
                (below.command.clone(), path)
            })
            .collect();
        all.extend(below);
        at += 1;
    }
    all
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [40, 50, 64, 72, 80, 100, 200] {
        for (command, path) in all() {
            for line in help(&command, &path, width).lines() {
                assert!(line.chars().count() <= width, "{width}: {path:?}: {line}");
                assert_eq!(line.trim_end(), line, "{path:?}");
            }
        }
    }
}

#[test]
fn every_flag_is_there_with_its_value_and_its_variable() {
    let (proxy, path) = definition::find(&["proxy"]);
    let text = help(&proxy, &path, 80);
    for part in [
        "Usage: ollama-tap proxy [OPTION]...\n",
        "\n  --listen ADDR ",
        "[env: OLLAMA_TAP_LISTEN, PROXY_PORT]",
        "[env: ANALYTICS_BACKEND]",
        "\n  -h, --help ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for (command, path) in all() {
        let text = help(&command, &path, 80);
        for flag in command.flags {
            assert!(
                text.contains(&format!("  {}", flag_name(flag))),
                "{path:?}: {}",
                flag.long
            );
        }
    }
}

#[test]
fn placeholders_say_what_is_meant() {
    for (command, path) in all() {
        for flag in command.flags {
            if let FlagInfoKind::Option { arg_name } = flag.kind {
                let is_name = arg_name == flag.long.trim_start_matches('-');
                assert!(!is_name, "{path:?}: {} has no placeholder", flag.long);
            }
        }
    }
}

#[test]
fn the_first_help_names_the_words_the_page_and_the_exit_codes() {
    let text = help(&definition::program(), &[], 80);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "ollama-tap WORD...",
        "`ollama-tap` alone",
        "`start`",
        "http://localhost:11434/analytics",
        "http://localhost:8000/analytics",
        "Examples:",
        "demo --traffic",
        "Exit codes: 0 ",
        "-V, --version",
        "-h, --help",
        "`ollama-tap COMMAND --help`",
    ] {
        assert!(flat.contains(part), "{part}: {text}");
    }
}

#[test]
fn in_a_narrow_terminal_descriptions_stand_below() {
    let (health, path) = definition::find(&["health"]);
    let text = help(&health, &path, 44);
    assert!(
        text.contains("\n  --listen ADDR\n      address of the running"),
        "{text}"
    );
}
