//! Downloads that are not what they should be, and moments at which it is interrupted.

use super::machine::{EXE, Machine, beside};
use super::site::{Site, archive_name, executable};
use super::steps::{Fault, Scenario};
use super::tools::{can_run, shells};
use crate::harness::sample::rounds;

#[test]
fn a_download_that_is_not_what_it_should_be_changes_nothing() {
    if !can_run() {
        return;
    }
    let archive = archive_name("1.0.0");
    let fresh = || Site::of("1.0.0");
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
    let site = Site::of("1.0.0");
    let machine = beside(&site);
    machine.file("home/file", "");
    machine
        .run(&["--prefix", "home/file/x"])
        .badly("cannot make the directory")
        .says("--prefix");
    let kept: Vec<_> = machine.everything().into_keys().collect();
    assert_eq!(kept, [machine.at("home/file")]);
}

/// SIGINT at every step, one after the other, until a run gets by without one; the shells take turns, and in a long run each has all.
#[test]
fn interrupted_at_any_moment_it_is_all_there_or_nothing() {
    if !can_run() {
        return;
    }
    let shells: Vec<Scenario> = shells()
        .into_iter()
        .map(|shell| Scenario::on(Machine::with(shell), &[&[]], &[]))
        .collect();
    for first in 0..rounds(1, shells.len()) {
        let moments = (1..)
            .take_while(|at| interrupt(&shells[(first + at) % shells.len()], *at))
            .count();
        assert!(moments > 15, "only {moments} moments");
    }
}

/// Upgrades with SIGINT at that step; whether it came to that.
fn interrupt(scenario: &Scenario, at: usize) -> bool {
    scenario.machine.go_back();
    let before = scenario.machine.everything();
    let Some(ran) = scenario.run(at, Fault::Interrupts) else {
        return false;
    };
    let claim = format!("{:?} at {at}: {}", ran.code, ran.said);
    if scenario.machine.read(EXE) == executable("2.0.0") {
        assert!(!ran.said.contains("taking it back"), "{claim}");
        let paths = scenario.machine.everything().into_keys();
        assert!(paths.eq(before.into_keys()), "{claim}: something is left");
    } else {
        assert_eq!(scenario.machine.everything(), before, "{claim}");
        assert_ne!(ran.code, Some(0), "{claim}");
    }
    true
}
