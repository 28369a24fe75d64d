//! `install --keep`: what is installed, written anew for the executable that took the place of an older one.

use super::super::{ENV, Machine, UNIT, with_ollama, with_ollama_unit};
use super::{has_lines, value};

const KEEP: [&str; 4] = ["ollama-tap", "service", "install", "--keep"];

const COPY: &str = "/usr/local/bin/ollama-tap";

#[test]
fn what_is_kept_is_written_anew_from_its_settings_alone() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "");
    machine.service(&["install", "--shutdown-grace", "100"]);
    let installed = machine.tree();
    machine.write(UNIT, &machine.read(UNIT).replace("=115", "=1\n# old"));
    machine.ok(
        &[],
        &[
            "rm",
            "/etc/systemd/system/multi-user.target.wants/ollama-tap.service",
        ],
    );
    machine.systemctl_calls();
    let environment = [
        ("OLLAMA_TAP_WORKERS", "3"),
        ("OLLAMA_BACKEND_PORT", "12000"),
    ];
    machine.ok(&environment, &KEEP);
    let told = machine.systemctl_calls();
    assert!(
        told.ends_with(&["restart ollama-tap.service".to_owned()]),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|told| told.starts_with("enable")),
        "{told:?}"
    );
    machine.ok(&[], &["systemctl", "enable", "ollama-tap.service"]);
    assert_eq!(machine.changes(&installed), [""; 0]);

    machine.ok(&[], &["systemctl", "stop", "ollama-tap.service"]);
    machine.systemctl_calls();
    machine.ok(&[], &KEEP);
    let told = machine.systemctl_calls();
    assert!(
        !told.iter().any(|told| told.contains("start ollama-tap")),
        "{told:?}"
    );
}

#[test]
fn what_is_kept_runs_as_the_user_that_it_ran_as_and_does_not_become_another_kind() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama(&machine);
    machine.ok(&[], &["useradd", "--home-dir", "/srv/alice", "alice"]);
    machine.ok(
        &[("SUDO_USER", "alice")],
        &["ollama-tap", "service", "install"],
    );
    let (unit, settings) = (machine.read(UNIT), machine.read(ENV));
    with_ollama_unit(&machine, "");
    machine.ok(&[], &["rm", "/usr/local/bin/ollama"]);
    machine.ok(&[], &KEEP);
    assert_eq!((machine.read(UNIT), machine.read(ENV)), (unit, settings));
}

#[test]
fn what_cannot_be_kept_is_said_and_nothing_is_changed() {
    let Some(machine) = Machine::start() else {
        return;
    };
    let refused = |words: &[&str], code: i32, reason: &str| {
        let before = machine.tree();
        let (ended, _, stderr) = machine.run(&[], words);
        assert!(
            ended == code && stderr.contains(reason),
            "{words:?}: {ended} {stderr}"
        );
        assert_eq!(machine.changes(&before), [""; 0]);
    };
    refused(
        &KEEP,
        1,
        "keep the service: it is not installed; `ollama-tap service install` does it",
    );
    machine.service(&["install", "--upstream", "http://gpu:11434"]);
    refused(
        &[&["/srv/ollama-tap"], &KEEP[1..]].concat(),
        1,
        "it runs /usr/bin/ollama-tap, and this is /srv/ollama-tap; use that one",
    );
    refused(
        &[&KEEP[..], &["--workers", "3"]].concat(),
        2,
        "--keep takes no other flag than --dry-run",
    );
    machine.write(ENV, "OLLAMA_TAP_WORKERS=3\n");
    refused(&KEEP, 1, "its settings do not say what it runs");
}

#[test]
fn the_address_that_version_0_1_0_took_without_being_told_stays() {
    let Some(machine) = Machine::start() else {
        return;
    };
    machine.service(&["install", "--upstream", "http://gpu:11434"]);
    let settings = machine.read(ENV);
    assert_eq!(value(&settings, "OLLAMA_TAP_LISTEN"), "[::]:8000");
    machine.write(ENV, &settings.replace("OLLAMA_TAP_LISTEN=[::]:8000\n", ""));
    machine.ok(&[], &KEEP);
    has_lines(
        &machine.read(ENV),
        &[
            "OLLAMA_TAP_LISTEN=0.0.0.0:8000",
            "OLLAMA_HOST=http://gpu:11434",
        ],
    );
}

#[test]
fn an_executable_of_homebrew_is_named_by_the_link_that_upgrades_move() {
    const LINK: &str = "/opt/homebrew/opt/ollama-tap/bin/ollama-tap";
    let Some(machine) = Machine::start() else {
        return;
    };
    let pour = |version: &str| {
        let cellar = format!("/opt/homebrew/Cellar/ollama-tap/{version}");
        machine.ok(
            &[],
            &["mkdir", "-p", &format!("{cellar}/bin"), "/opt/homebrew/opt"],
        );
        machine.ok(
            &[],
            &["cp", "/srv/ollama-tap", &format!("{cellar}/bin/ollama-tap")],
        );
        machine.ok(
            &[],
            &["ln", "-sfn", &cellar, "/opt/homebrew/opt/ollama-tap"],
        );
    };
    pour("0.2.0");
    machine.ok(
        &[],
        &[LINK, "service", "install", "--upstream", "http://gpu:11434"],
    );
    let unit = machine.read(UNIT);
    assert_eq!(value(&unit, "ExecStart"), format!("{LINK} proxy"));
    pour("0.3.0");
    machine.ok(&[], &["rm", "-r", "/opt/homebrew/Cellar/ollama-tap/0.2.0"]);
    // As version 0.1.0 named it.
    machine.write(
        UNIT,
        &unit.replace(LINK, "/opt/homebrew/Cellar/ollama-tap/0.1.0/bin/ollama-tap"),
    );
    machine.ok(&[], &[&[LINK], &KEEP[1..]].concat());
    assert_eq!(machine.read(UNIT), unit);
}

#[test]
fn a_service_whose_executable_is_gone_old_or_garbage_is_mended_and_removed_by_any_other() {
    let Some(machine) = Machine::start() else {
        return;
    };
    let service =
        |words: &[&str]| machine.run(&[], &[&["/srv/ollama-tap", "service"], words].concat());
    let before = machine.tree();
    let install = ["install", "--upstream", "http://gpu:11434"];
    assert_eq!(service(&install).0, 0);
    let installed = machine.tree();
    let own = format!(
        "executable  {COPY}, version {}\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(service(&["status"]).1.contains(&own));
    let spoil = |how: &str| match how {
        "which is gone" => drop(machine.ok(&[], &["rm", "-f", COPY])),
        "which does not run" => machine.script(COPY, "garbage(\n"),
        _ => machine.script(COPY, "#!/bin/sh\necho ollama-tap 0.0.9\n"),
    };
    for how in [
        "which is gone",
        "which does not run",
        "version 0.0.9, older than this",
    ] {
        spoil(how);
        let (_, shown, _) = service(&["status"]);
        assert!(
            shown.contains(&format!("executable  {COPY}, {how}")),
            "{shown}"
        );
        for words in [&install[..], &["install", "--keep"]] {
            spoil(how);
            assert_eq!(service(words).0, 0, "{how}: {words:?}");
            assert_eq!(machine.changes(&installed), [""; 0], "{how}: {words:?}");
        }
        spoil(how);
        assert_eq!(service(&["uninstall", "--purge"]).0, 0, "{how}");
        assert_eq!(machine.changes(&before), [""; 0], "{how}");
        assert_eq!(service(&install).0, 0);
    }
}
