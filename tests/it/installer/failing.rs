//! A failure at each step, one after the other, until a run gets by without one. What installs is taken back; so is a removal until the
//! service is removed, and after that the same command finishes it.

use super::steps::{Fault, PURGE, SERVICE, Scenario, UNINSTALL, UPGRADE};
use super::tools::can_be_root;

/// A failure at each step of it. `check` gets the step, and what a run says that did not end well.
fn fail_at_each(scenario: &Scenario, check: impl Fn(&str, &str)) {
    scenario.whole();
    let goal = scenario.machine.everything();
    let mut steps = 0;
    while let Some(ran) = scenario.run(steps + 1, Fault::Fails) {
        steps += 1;
        let claim = format!("{:?}, step {steps}: {}", scenario.args, ran.said);
        scenario.has_what_it_runs(&claim);
        if ran.code != Some(0) {
            check(&claim, &ran.said);
        }
        scenario.machine.run(scenario.args).well();
        assert_eq!(scenario.machine.everything(), goal, "{claim}");
    }
    assert!(steps > 10, "only {steps} steps");
}

fn is_taken_back(before: &[&[&str]], args: &'static [&'static str]) {
    if !can_be_root() {
        return;
    }
    let scenario = Scenario::after(before, args);
    // What a service that ran for a moment has recorded stays.
    let state = || {
        let mut state = scenario.machine.everything();
        state.retain(|path, _| !path.to_string_lossy().contains("/var/lib/"));
        state
    };
    let all = state();
    fail_at_each(&scenario, |claim, _| assert_eq!(state(), all, "{claim}"));
}

fn is_finished(before: &[&[&str]], args: &'static [&'static str]) {
    if !can_be_root() {
        return;
    }
    let scenario = Scenario::after(before, args);
    let all = scenario.machine.everything();
    fail_at_each(&scenario, |claim, said| {
        if scenario.is_registered() {
            assert_eq!(scenario.machine.everything(), all, "{claim}");
        } else if scenario.machine.everything() != all {
            let says = ["not everything is removed", "finishing the removal"];
            assert!(says.iter().any(|words| said.contains(words)), "{claim}");
            let has_history = scenario.machine.at("home/.local/state").exists();
            assert!(has_history || !scenario.is_installed(), "{claim}");
        }
    });
}

#[test]
fn a_first_installation_that_fails_leaves_nothing() {
    is_taken_back(&[], UPGRADE);
}

#[test]
fn a_first_installation_of_the_service_that_fails_leaves_nothing() {
    is_taken_back(&[], SERVICE);
}

#[test]
fn an_upgrade_that_fails_leaves_the_old_one() {
    is_taken_back(&[&[]], UPGRADE);
}

#[test]
fn an_upgrade_of_the_service_that_fails_leaves_the_old_one_running() {
    is_taken_back(&[SERVICE], UPGRADE);
    is_taken_back(&[SERVICE], SERVICE);
}

#[test]
fn a_removal_that_fails_is_taken_back_or_finished_by_the_same_command() {
    is_finished(&[&[]], UNINSTALL);
    is_finished(&[SERVICE], UNINSTALL);
}

#[test]
fn a_purge_that_fails_is_taken_back_or_finished_by_the_same_command() {
    is_finished(&[&[]], PURGE);
    is_finished(&[SERVICE], PURGE);
}
