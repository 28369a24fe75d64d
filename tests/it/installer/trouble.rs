//! Downloads that are not what they should be, and moments at which it is interrupted.

use std::fs;

use super::machine::{EXE, Machine, beside, can_run, real, shells};
use super::site::{Site, archive_name, executable};
use crate::harness::sample::rounds;

/// What the script changes something with; each call is a moment at which it may be interrupted.
const STEPS: [&str; 8] = ["chmod", "cp", "curl", "mkdir", "mktemp", "mv", "rm", "tar"];

#[test]
fn a_download_that_is_not_what_it_should_be_changes_nothing() {
    if !can_run() {
        return;
    }
    let archive = archive_name("1.0.0");
    let fresh = || Site::with("1.0.0", &executable("1.0.0", ""));
    type Spoil = fn(&Site, &str);
    let spoilt: [(Spoil, &str); 9] = [
        (
            |site, archive| site.answer(archive, "something else"),
            "is not what SHA256SUMS says",
        ),
        (|site, archive| site.cut(archive), "cannot download"),
        (
            |site, archive| {
                site.reply(
                    archive,
                    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                )
            },
            "cannot download",
        ),
        (|site, archive| site.redirect(archive), "cannot download"), // to http
        (
            |site, _| {
                site.reply(
                    "SHA256SUMS",
                    "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
                )
            },
            "cannot download",
        ),
        (|site, _| site.answer("SHA256SUMS", ""), "lists no release"),
        (
            |site, _| site.answer("SHA256SUMS", "<html>Welcome to this network</html>"),
            "lists no release",
        ),
        (|site, _| site.release("2.0.0", ""), "more than one release"),
        (
            |site, _| {
                site.answer("SHA256SUMS", "");
                site.release("1.0.0", "#!/bin/sh\nexit 1\n");
            },
            "does not run on this machine",
        ),
    ];
    for (spoil, why) in spoilt {
        let site = fresh();
        spoil(&site, &archive);
        let machine = beside(&site);
        machine.run(&[]).badly(why);
        assert!(machine.everything().is_empty(), "{why}: something is left");
    }
}

#[test]
fn only_https_is_taken_or_this_machine() {
    for url in [
        "http://example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com/x",
        "http://localhost:80@example.com/",
        "http://user@127.0.0.1:80/",
        "ftp://localhost/",
        "file:///etc",
        "http://localhost/a b",
        "-o",
    ] {
        let machine = Machine::new();
        let ran = machine
            .run(&["--base-url", url])
            .badly("only https is taken");
        assert_eq!(ran.code, Some(2), "{url}");
        assert!(machine.everything().is_empty(), "{url}");
    }
}

#[test]
fn a_misspelt_option_changes_nothing() {
    for (args, why) in [
        (&["--prefx", "x"][..], "unknown option --prefx"),
        (&["--version", "1/../2"], "is no version"),
        (&["--prefix"], "--prefix needs a value"),
        (&["now"], "unknown option now"),
    ] {
        let machine = Machine::new();
        assert_eq!(machine.run(args).badly(why).code, Some(2));
        assert!(machine.everything().is_empty());
    }
}

#[test]
fn other_machines_get_the_hint_to_build_it() {
    let machine = Machine::new().env("OLLAMA_TAP_BASE_URL", "http://127.0.0.1:1");
    machine.tool("uname", "case $1 in -s) echo Plan9 ;; *) echo mips ;; esac");
    machine.run(&[]).badly("no release for Plan9 on mips");
    assert!(machine.everything().is_empty());
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    if !can_run() {
        return;
    }
    let site = Site::with("1.0.0", &executable("1.0.0", ""));
    let machine = beside(&site);
    machine.file("home/file", "");
    machine
        .run(&["--prefix", "home/file/x"])
        .badly("cannot make the directory")
        .says("--prefix");
    let kept: Vec<_> = machine.everything().into_keys().collect();
    assert_eq!(kept, [machine.at("home/file")]);
}

/// SIGINT before every call of a tool, one after the other, until a run gets by without one; the shells take turns, and in a long run
/// each has all.
#[test]
fn interrupted_at_any_moment_it_is_all_there_or_nothing() {
    if !can_run() {
        return;
    }
    let site = Site::small("2.0.0", &executable("2.0.0", ""));
    let shells = shells();
    for first in 0..rounds(1, shells.len()) {
        let moments = (1..)
            .take_while(|at| interrupt(shells[(first + at) % shells.len()], &site, *at))
            .count();
        assert!(moments > 20, "only {moments} moments");
    }
}

/// Upgrades on a new machine, with SIGINT at that call of a tool; whether it came to that call.
fn interrupt(shell: &'static [&'static str], site: &Site, at: usize) -> bool {
    let machine = Machine::with(shell)
        .env("OLLAMA_TAP_BASE_URL", &site.url())
        .env("AT", &at.to_string());
    machine.file(EXE, &executable("1.0.0", ""));
    let before = machine.everything();
    for tool in STEPS {
        let count = r#"echo >>"$TAP_LOG.calls"; calls=0; while read -r _; do calls=$((calls + 1)); done <"$TAP_LOG.calls""#;
        machine.tool(
            tool,
            &format!(
                "{count}; if [ $calls = $AT ]; then kill -INT $PPID; fi; exec {} \"$@\"",
                real(tool)
            ),
        );
    }
    let ran = machine.run(&[]);
    if machine.read(EXE) == executable("2.0.0", "") {
        assert!(
            ran.said.contains("writing") && !ran.said.contains("taking it back"),
            "{shell:?} at {at}: {}",
            ran.said
        );
        assert_eq!(
            fs::read_dir(machine.at("home/.local/bin")).unwrap().count(),
            1,
            "{shell:?} at {at}: something is left"
        );
    } else {
        assert_eq!(
            machine.everything(),
            before,
            "{shell:?} at {at}: {}",
            ran.said
        );
        assert_ne!(ran.code, Some(0), "{shell:?} at {at}: {}", ran.said);
    }
    machine.read("log.calls").lines().count() >= at
}
