//! Runs that are killed (`kill -9`) at each step, one after the other, and a run of another kind that follows: it ends as if the killed
//! one had never been, or had ended. Each step is followed by one kind, and in a long run by all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::steps::{Fault, PURGE, SERVICE, Scenario, UNINSTALL, UPGRADE};
use super::tools::can_be_root;
use crate::harness::sample::is_long;

const FOLLOWING: [&[&str]; 4] = [UPGRADE, SERVICE, UNINSTALL, PURGE];

type State = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// What each kind that follows leaves, where the killed run had not begun and where it had ended.
fn goals(scenario: &Scenario) -> Vec<[State; 2]> {
    let after = |follows: &[&str], is_ended: bool| {
        scenario.machine.go_back();
        if is_ended {
            scenario.machine.run(scenario.args).well();
        }
        scenario.machine.run(follows).well();
        outcome(scenario, follows)
    };
    FOLLOWING
        .iter()
        .map(|follows| [after(follows, false), after(follows, true)])
        .collect()
}

/// What a service that ran for a moment has recorded stays until a purge.
fn outcome(scenario: &Scenario, follows: &[&str]) -> State {
    let mut state = scenario.machine.everything();
    state.retain(|path, _| follows == PURGE || !path.to_string_lossy().contains("/var/lib/"));
    state
}

fn is_killed_at_each_step(before: &[&[&str]], args: &'static [&'static str]) {
    if !can_be_root() {
        return;
    }
    let scenario = Scenario::after(before, args);
    let goals = goals(&scenario);
    let mut steps = 0;
    loop {
        let kinds: Vec<usize> = (0..FOLLOWING.len())
            .filter(|kind| is_long() || steps % FOLLOWING.len() == *kind)
            .collect();
        steps += 1;
        if !kinds
            .iter()
            .all(|kind| is_followed(&scenario, steps, *kind, &goals[*kind]))
        {
            break;
        }
    }
    assert!(steps > 15, "only {steps} steps");
}

/// Whether there was such a step.
fn is_followed(scenario: &Scenario, at: usize, kind: usize, goals: &[State; 2]) -> bool {
    let Some(ran) = scenario.run(at, Fault::Kills) else {
        return false;
    };
    let follows = FOLLOWING[kind];
    let claim = format!("{:?}, killed at step {at}, then {follows:?}", scenario.args);
    assert_eq!(ran.code, None, "{claim}: {}", ran.said);
    scenario.has_what_it_runs(&claim);
    let has_left = scenario
        .machine
        .everything()
        .keys()
        .any(|path| path.to_string_lossy().contains("/.ollama-tap-"));
    let next = scenario.machine.run(follows).well();
    assert_eq!(
        has_left,
        next.said.contains("an earlier run did not end"),
        "{claim}: {}",
        next.said
    );
    let found = outcome(scenario, follows);
    assert!(
        goals.contains(&found),
        "{claim}: {}\n{}",
        next.said,
        differences(&goals[0], &found)
    );
    true
}

fn differences(goal: &State, found: &State) -> String {
    let paths = goal.keys().chain(found.keys());
    let differ = paths.filter(|path| goal.get(*path) != found.get(*path));
    let show = |state: &State, path| {
        state.get(path).map(|content| {
            content
                .as_ref()
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        })
    };
    differ
        .map(|path| {
            format!(
                "{}: {:?}, not {:?}\n",
                path.display(),
                show(found, path),
                show(goal, path)
            )
        })
        .collect()
}

#[test]
fn a_first_installation() {
    is_killed_at_each_step(&[], UPGRADE);
}

#[test]
fn a_first_installation_of_the_service() {
    is_killed_at_each_step(&[], SERVICE);
}

#[test]
fn an_upgrade() {
    is_killed_at_each_step(&[&[]], UPGRADE);
}

#[test]
fn an_upgrade_of_the_service() {
    is_killed_at_each_step(&[SERVICE], UPGRADE);
}

#[test]
fn a_removal() {
    is_killed_at_each_step(&[SERVICE], UNINSTALL);
}

#[test]
fn a_purge() {
    is_killed_at_each_step(&[SERVICE], PURGE);
}
