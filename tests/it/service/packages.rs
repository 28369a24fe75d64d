//! What a package runs before it is removed: the service goes, and its settings stay.

use super::{ENV, Machine, UNIT, with_ollama_unit};

const SCRIPT: &str = "/srv/before-remove.sh";

/// Stands for mv, which the script calls when the service is gone: the script is killed before.
const KILLER: &str = "#!/bin/sh\nkill -9 $PPID\n";

#[test]
fn a_removal_that_was_killed_at_any_step_is_finished_by_the_next_one() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "");
    let script = include_str!("../../../packaging/packages/before-remove.sh");
    machine.script(SCRIPT, script);
    machine.script("/srv/killed/mv", KILLER);
    let kills = format!("PATH=/srv/killed:$PATH sh {SCRIPT} remove");
    machine.service(&["install", "--log-level", "debug"]);
    let settings = machine.read(ENV);
    machine.ok(&[], &["sh", SCRIPT, "remove"]);
    let removed = machine.tree();
    for step in 1.. {
        machine.service(&["install"]);
        let steps = step.to_string();
        let (code, ..) = machine.run(&[("OLLAMA_TAP_TEST_STEPS", &steps)], &["sh", "-c", &kills]);
        assert_ne!(code, 0);
        let is_whole = [UNIT, &format!("{UNIT}.removed"), ENV]
            .iter()
            .all(|file| !machine.has(file));
        machine.ok(&[], &["sh", SCRIPT, "remove"]);
        assert_eq!(machine.read(ENV), settings, "killed after step {step}");
        assert_eq!(
            machine.changes(&removed),
            [""; 0],
            "killed after step {step}"
        );
        if is_whole {
            assert!(step > 5, "only {step} steps");
            break;
        }
    }
}
