//! The service on macOS, as far as this machine can show it: launchctl and plutil are scripts, and Python reads the property list.

use serde_json::{Value, json};

use super::{Machine, with_ollama};

/// The log that the tap keeps itself.
const LOG: &str = "/Library/Logs/OllamaTap/ollama-tap.log";

const PLIST: &str = "/Library/LaunchDaemons/io.github.ollama-tap.plist";

/// Writes down what it was told; an error of its own is asked for by a file.
const LAUNCHCTL: &str = r#"#!/bin/sh
echo "$*" >>/run/launchctl
case $1 in
    print) echo "	state = running"; echo "	pid = 42" ;;
    bootstrap) [ ! -e /run/launchctl-fails ] || exit 5 ;;
esac
"#;

/// `-extract KEY json|raw -o - FILE`
const PLUTIL: &str = r#"#!/usr/bin/python3
import json, plistlib, sys
value = plistlib.load(open(sys.argv[-1], "rb"))[sys.argv[2]]
print(value if sys.argv[3] == "raw" else json.dumps(value))
"#;

const SUDO: &str = "#!/bin/sh\necho \"sudo $* with $LOG_LEVEL\"\n";

fn mac() -> Option<Machine> {
    let machine = Machine::start()?;
    with_ollama(&machine);
    machine.ok(
        &[],
        &[
            "useradd",
            "--create-home",
            "--home-dir",
            "/srv/alice",
            "alice",
        ],
    );
    machine.ok(&[], &["mkdir", "-p", "/Library/Logs"]); // every Mac has it
    for (name, text) in [("launchctl", LAUNCHCTL), ("plutil", PLUTIL), ("sudo", SUDO)] {
        machine.script(&format!("/usr/bin/{name}"), text);
    }
    Some(machine)
}

fn service(machine: &Machine, words: &[&str]) -> String {
    let environment = [
        ("OLLAMA_TAP_TEST_SERVICE_MANAGER", "launchd"),
        ("SUDO_USER", "alice"),
        ("OLLAMA_MODELS", "/srv/alice/<models> & more"),
        ("LOKI_PASSWORD", "s3cret"),
    ];
    machine.ok(&environment, &[&["ollama-tap", "service"], words].concat())
}

fn launchctl_calls(machine: &Machine) -> Vec<String> {
    let told = machine.read("/run/launchctl");
    machine.write("/run/launchctl", "");
    told.lines()
        .filter(|line| *line != "version" && !line.starts_with("print "))
        .map(str::to_owned)
        .collect()
}

fn plist(machine: &Machine) -> Value {
    let script =
        format!("import json, plistlib; print(json.dumps(plistlib.load(open('{PLIST}', 'rb'))))");
    serde_json::from_str(&machine.ok(&[], &["python3", "-c", &script])).expect("JSON")
}

#[test]
fn a_property_list_is_installed_that_says_all_that_launchd_needs() {
    let Some(machine) = mac() else { return };
    let before = machine.tree();
    service(&machine, &["install", "--shutdown-grace", "40"]);
    assert_eq!(
        launchctl_calls(&machine),
        [
            "enable system/io.github.ollama-tap",
            &format!("bootstrap system {PLIST}")
        ]
    );
    assert_eq!(machine.mode(PLIST), 0o600);
    let plist = plist(&machine);
    let expected = json!({
        "Label": "io.github.ollama-tap",
        "ProgramArguments": ["/usr/bin/ollama-tap", "serve"],
        "UserName": "alice",
        "WorkingDirectory": "/var/lib/ollama-tap",
        "RunAtLoad": true,
        "KeepAlive": true,
        "ExitTimeOut": 55,
        "Umask": 0o022,
        "StandardErrorPath": "/dev/null",
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(plist[key], *value, "{key}");
    }
    let variables = &plist["EnvironmentVariables"];
    assert_eq!(variables["OLLAMA_MODELS"], "/srv/alice/<models> & more");
    assert_eq!(variables["HOME"], "/srv/alice");
    assert_eq!(variables["LOKI_PASSWORD"], "s3cret");
    assert_eq!(variables["OLLAMA_TAP_SHUTDOWN_GRACE"], "40");

    machine.write("/var/log/ollama-tap.log", "what version 0.1.0 left\n");
    service(&machine, &["uninstall", "--purge"]);
    assert_eq!(
        launchctl_calls(&machine),
        ["bootout system/io.github.ollama-tap"]
    );
    assert_eq!(machine.changes(&before), [""; 0]);
    assert_eq!(
        service(&machine, &["uninstall", "--purge", "--dry-run"]),
        "nothing is removed: the service is not installed\n"
    );
}

#[test]
fn a_tap_that_launchd_has_started_writes_its_log_itself() {
    let Some(machine) = mac() else { return };
    let starts = format!(
        "ollama-tap proxy --listen 127.0.0.1:0 & until grep -q listening {LOG}; do sleep 0.05; done; kill $!; wait $!"
    );
    let said = machine.ok(
        &[("XPC_SERVICE_NAME", "io.github.ollama-tap")],
        &["timeout", "60", "sh", "-c", &format!("({starts}) 2>&1")],
    );
    assert_eq!(
        said.replace(&format!("grep: {LOG}: No such file or directory\n"), ""),
        ""
    );
    assert!(
        machine
            .read(LOG)
            .contains("INFO  listening on http://127.0.0.1:")
    );
}

#[test]
fn settings_in_a_property_list_survive_upgrades() {
    let Some(machine) = mac() else { return };
    service(
        &machine,
        &["install", "--retention-days", "30", "--log-level", "DEBUG"],
    );
    machine.write("/var/log/ollama-tap.log", "what launchd kept\n");
    service(&machine, &["install"]);
    let installed = (machine.tree(), plist(&machine));
    service(&machine, &["install"]);
    assert_eq!(machine.changes(&installed.0), [""; 0]);
    service(&machine, &["install", "--retention-days", "3"]);
    assert_eq!(machine.read(LOG), "what launchd kept\n");
    let mut expected = installed.1;
    expected["EnvironmentVariables"]["ANALYTICS_RETENTION_DAYS"] = json!("3");
    assert_eq!(plist(&machine), expected);

    let installed = machine.tree();
    machine.ok(&[], &["mv", LOG, "/var/log/ollama-tap.log"]); // as version 0.1.0 has it
    launchctl_calls(&machine);
    let environment = [
        ("OLLAMA_TAP_TEST_SERVICE_MANAGER", "launchd"),
        ("LOKI_PASSWORD", "another"),
    ];
    machine.ok(
        &environment,
        &["ollama-tap", "service", "install", "--keep"],
    );
    assert_eq!(
        launchctl_calls(&machine),
        [
            "bootout system/io.github.ollama-tap",
            &format!("bootstrap system {PLIST}")
        ]
    );
    assert_eq!(machine.changes(&installed), [""; 0]);
}

#[test]
fn a_dry_run_shows_the_property_list_without_secrets_and_does_nothing() {
    let Some(machine) = mac() else { return };
    let before = machine.tree();
    let output = service(&machine, &["install", "--dry-run", "--token", "s3cret"]);
    assert_eq!(machine.changes(&before), [""; 0]);
    assert!(launchctl_calls(&machine).is_empty());
    assert!(
        output.contains("<key>OLLAMA_TAP_TOKEN</key>")
            && output.contains("launchctl bootstrap system"),
        "{output}"
    );
    assert!(!output.contains("s3cret"), "{output}");
}

#[test]
fn every_verb_has_its_word_for_launchd() {
    let Some(machine) = mac() else { return };
    service(&machine, &["install"]);
    launchctl_calls(&machine);
    let bootstrap = format!("bootstrap system {PLIST}");
    let words = [
        (
            "start",
            vec![bootstrap.as_str(), "kickstart system/io.github.ollama-tap"],
        ),
        ("stop", vec!["bootout system/io.github.ollama-tap"]),
        (
            "restart",
            vec![
                bootstrap.as_str(),
                "kickstart -k system/io.github.ollama-tap",
            ],
        ),
    ];
    for (verb, expected) in words {
        service(&machine, &[verb]);
        assert_eq!(launchctl_calls(&machine), expected, "{verb}");
    }
    let status = service(&machine, &["status"]);
    assert!(
        status.starts_with(
            "service     running, process 42\nexecutable  /usr/bin/ollama-tap, version "
        ),
        "{status}"
    );
    machine.write(LOG, "a line\n");
    assert_eq!(service(&machine, &["logs"]), "a line\n");
    service(&machine, &["install", "--log-level", "DEBUG"]);
    assert_eq!(
        service(&machine, &["run"]),
        "sudo --preserve-env -u alice -- /usr/bin/ollama-tap serve with DEBUG\n"
    );
}
