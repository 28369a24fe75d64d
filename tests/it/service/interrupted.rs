//! Installing and removing, killed at every step: to do it again, or to remove it, then gives the right state.

use super::{Machine, UNIT, with_ollama, with_ollama_unit};
use crate::harness::sample::{random, rounds};

/// Runs `service` of this executable with these words, killed after so many steps. Whether there were as many.
fn dies_after(machine: &Machine, steps: usize, executable: &str, words: &[&str]) -> bool {
    let steps = steps.to_string();
    let (code, _, stderr) = machine.run(
        &[("OLLAMA_TAP_TEST_STEPS", &steps)],
        &[&[executable, "service"], words].concat(),
    );
    assert_eq!(stderr, "", "{code}");
    code != 0
}

const INSTALL: &[&str] = &["install"];
const REMOVE: &[&str] = &["uninstall", "--purge"];

/// For every step of installing and of removing: what is done next, from what was left there, ends as it would have without.
fn survives_death(machine: &Machine, executable: &str) {
    let service = |words: &[&str]| machine.ok(&[], &[&[executable, "service"], words].concat());
    let bare = machine.tree();
    service(INSTALL);
    let installed = machine.tree();
    for (dying, before, other) in [(INSTALL, &bare, REMOVE), (REMOVE, &installed, INSTALL)] {
        for (step, next) in steps() {
            if !machine.changes(before).is_empty() {
                service(other);
                assert_eq!(machine.changes(before), [""; 0], "before step {step}");
            }
            if !dies_after(machine, step, executable, dying) {
                break;
            }
            let program = machine.has("/usr/local/bin/ollama-tap") || executable == "ollama-tap";
            assert!(
                dying == INSTALL || program || !machine.has(UNIT),
                "removing died after step {step}, and a service has no executable"
            );
            service(next);
            let whole = if next == INSTALL { &installed } else { &bare };
            assert_eq!(
                machine.changes(whole),
                [""; 0],
                "{dying:?} died after step {step}, and next was {next:?}"
            );
        }
    }
    assert_eq!(machine.changes(&bare), [""; 0]);
}

/// Every step with what is done next: one of the two, as chance has it, and in a long run both.
fn steps() -> impl Iterator<Item = (usize, &'static [&'static str])> {
    let mut random = random();
    (1..).flat_map(move |step| {
        let mut next = [INSTALL, REMOVE];
        random.shuffle(&mut next);
        next.into_iter()
            .take(rounds(1, 2))
            .map(move |next| (step, next))
    })
}

#[test]
fn beside_a_service_of_ollamas_own() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "EnvironmentFile=/etc/default/none");
    survives_death(&machine, "/srv/ollama-tap");
}

#[test]
fn with_an_ollama_of_our_own() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama(&machine);
    survives_death(&machine, "ollama-tap");
}

#[test]
fn an_ollama_that_was_left_half_moved_is_restarted_to_be_where_it_belongs() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "");
    for step in 1.. {
        if !dies_after(&machine, step, "ollama-tap", &["install"]) {
            break;
        }
        machine.systemctl_calls();
        machine.service(&["install"]);
        assert!(
            machine
                .systemctl_calls()
                .contains(&"try-restart ollama.service".to_owned()),
            "installing died after step {step}"
        );
        let was_moved = dies_after(&machine, step, "ollama-tap", &["uninstall"]);
        machine.systemctl_calls();
        machine.service(&["uninstall"]);
        assert!(
            !was_moved
                || machine
                    .systemctl_calls()
                    .contains(&"try-restart ollama.service".to_owned()),
            "removing died after step {step}"
        );
    }
}
