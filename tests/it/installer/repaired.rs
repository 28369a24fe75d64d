//! A service whose executable does not run any more, or whose registration is not whole: an installation repairs it, and it is removed
//! without the executable's help.

use std::fs;

use super::machine::{ACTIVE, EXE, Machine, UNIT, beside};
use super::site::{Site, executable};
use super::tools::can_be_root;

const SETTINGS: &str = "etc/ollama-tap.env";

/// What may become of it, and how.
type Damage = (&'static str, fn(&Machine));

const DAMAGES: [Damage; 8] = [
    ("the executable is gone", |machine| {
        fs::remove_file(machine.at(EXE)).unwrap();
    }),
    ("the executable is garbage", |machine| {
        machine.file(EXE, "\u{7f}ELF\0\u{1}garbage\n");
    }),
    ("the executable is empty", |machine| machine.file(EXE, "")),
    ("the executable may not be run", |machine| {
        fs::remove_file(machine.at(EXE)).unwrap();
        machine.file(EXE, &executable("1.0.0"));
    }),
    ("the directory is gone", |machine| {
        fs::remove_dir_all(machine.at("home/.local")).unwrap();
    }),
    ("the unit is half there", |machine| {
        machine.file(UNIT, "# 1.0.0\n[Unit]\n");
    }),
    ("the unit is empty", |machine| machine.file(UNIT, "")),
    ("the settings are gone", |machine| {
        fs::remove_file(machine.at(SETTINGS)).unwrap();
    }),
];

/// A machine whose service has failed since.
fn damaged(site: &Site, damage: fn(&Machine)) -> Machine {
    let machine = beside(site).root();
    machine.file("etc/systemd/system/ollama.service", "");
    machine.run(&["--service"]).well();
    damage(&machine);
    fs::rename(machine.at(ACTIVE), machine.at("run/failed")).unwrap();
    machine
}

/// Whatever has become of the service, after a run with these options.
fn after_each_damage(args: &[&str], check: impl Fn(&Machine, &str)) {
    if !can_be_root() {
        return;
    }
    let site = Site::small("1.0.0");
    for (name, damage) in DAMAGES {
        let machine = damaged(&site, damage);
        let ran = machine.run(args).well();
        check(&machine, &format!("{name}: {}", ran.said));
    }
}

#[test]
fn an_installation_repairs_the_service_and_starts_it_again() {
    after_each_damage(&[], |machine, claim| {
        assert!(machine.read(UNIT).contains("ExecStart="), "{claim}");
        assert_ne!(machine.read(SETTINGS), "", "{claim}");
        assert_eq!(machine.read(ACTIVE), "ollama-tap 1.0.0\n", "{claim}");
    });
}

#[test]
fn a_purge_leaves_nothing_of_the_service() {
    after_each_damage(&["--purge"], |machine, claim| {
        let left: Vec<String> = machine
            .everything()
            .into_keys()
            .map(|path| path.display().to_string())
            .filter(|path| path.contains("tap") || path.ends_with("/active"))
            .collect();
        assert!(left.is_empty(), "{left:?}: {claim}");
        let log = machine.read("log");
        let lines: Vec<&str> = log.lines().collect();
        let place = |call: &str| lines.iter().rposition(|line| *line == call);
        let restarted = place("systemctl try-restart ollama.service");
        assert!(
            restarted > place("systemctl restart ollama-tap.service"),
            "{claim}: {log}"
        );
    });
}

#[test]
fn a_removal_without_the_executable_keeps_the_history() {
    if !can_be_root() {
        return;
    }
    let site = Site::small("1.0.0");
    let machine = damaged(&site, DAMAGES[0].1);
    machine.run(&["--uninstall"]).well();
    assert!(!machine.at(UNIT).exists() && !machine.at(SETTINGS).exists());
    assert_eq!(machine.read("var/lib/ollama-tap/history"), "history\n");
}

#[test]
fn a_masked_service_stays_masked() {
    if !can_be_root() {
        return;
    }
    let site = Site::small("1.0.0");
    let machine = damaged(&site, |machine| {
        fs::remove_file(machine.at(UNIT)).unwrap();
        std::os::unix::fs::symlink("/dev/null", machine.at(UNIT)).unwrap();
    });
    machine.run(&[]).well().says("the service is masked");
    assert!(!machine.at(ACTIVE).exists());
    machine.run(&["--purge"]).well();
    assert!(!machine.at(UNIT).is_symlink());
}

#[test]
fn the_service_of_another_place_is_left_alone() {
    if !can_be_root() {
        return;
    }
    let site = Site::small("1.0.0");
    let machine = beside(&site).root();
    machine.run(&["--service"]).well();
    let before = machine.everything();
    machine.run(&["--prefix", "home/other"]).well();
    machine
        .run(&["--prefix", "home/other", "--purge"])
        .well()
        .says("stays");
    assert_eq!(machine.everything(), before);
}
