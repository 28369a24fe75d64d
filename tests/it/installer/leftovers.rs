//! What other runs have left, or still need.

use std::process;

use super::machine::{EXE, Machine, beside, script};
use super::site::{Site, executable};
use super::steps::Scenario;
use super::tools::{can_run, real};

#[test]
fn a_run_that_is_under_way_is_not_disturbed_by_another() {
    if !can_run() {
        return;
    }
    for kind in ["--version=2.0.0", "--uninstall", "--purge"] {
        let scenario = Scenario::on(Machine::new(), &[], &[]);
        // The second run happens within a step of the first.
        let second = format!(
            "{} -f \"$TAP_LOG.at\"; sh {} {kind} >\"$TAP_LOG.second\" 2>&1; echo $? >>\"$TAP_LOG.second\"",
            real("rm"),
            script().display()
        );
        let ran = scenario.run_with(4, &second).expect("a fourth step").well();
        let said = scenario.machine.read("log.second");
        assert!(said.contains("another run is under way"), "{kind}: {said}");
        assert!(said.ends_with("\n1\n"), "{kind}: {said}");
        assert_eq!(
            scenario.machine.read(EXE),
            executable("2.0.0"),
            "{}",
            ran.said
        );
    }
}

/// What the script of 0.1.0 left where it was killed, of a process that has ended and of one that has not.
#[test]
fn what_a_killed_run_of_an_older_script_left_goes_with_the_next_run() {
    if !can_run() {
        return;
    }
    let site = Site::small("1.0.0");
    let left = |process: &str| {
        [
            format!("home/.local/bin/ollama-tap.old-{process}"),
            format!("home/.local/bin/ollama-tap.new-{process}"),
            format!("home/.local/share/man/man1/ollama-tap.1.old-{process}"),
        ]
    };
    let ours = process::id().to_string();
    for kind in [&[][..], &["--uninstall"], &["--purge"]] {
        let machine = beside(&site);
        machine.run(&[]).well();
        for path in left("99999999").iter().chain(&left(&ours)) {
            machine.file(path, "old");
        }
        machine.run(kind).well();
        assert!(
            left("99999999")
                .iter()
                .all(|path| !machine.at(path).exists()),
            "{kind:?}"
        );
        assert!(
            left(&ours).iter().all(|path| machine.at(path).exists()),
            "{kind:?}"
        );
    }
}

#[test]
fn the_number_of_a_killed_run_may_be_that_of_another_process_now() {
    if !can_run() {
        return;
    }
    let site = Site::small("1.0.0");
    let machine = beside(&site);
    let place = format!("home/.ollama-tap-{}-1", process::id());
    let file = machine.at("home/of-the-killed-run");
    machine.file("home/of-the-killed-run", "");
    machine.file(
        &format!("{place}/journal"),
        &format!("wrote {}\n", file.display()),
    );
    machine.run(&[]).well().says("an earlier run did not end");
    assert!(!machine.at(&place).exists() && !file.exists());
}
