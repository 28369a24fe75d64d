//! Runs of the script that go wrong at one of its steps. A step is a call of a tool that changes something, by the script or by the
//! executable that it calls: each of these tools is a counting one, which does at a given call what the test asks for.

use std::fs;
use std::path::PathBuf;

use super::machine::{EXE, Machine, Ran, UNIT};
use super::site::Site;
use super::tools::real;

/// What is asked of the script.
pub const UPGRADE: &[&str] = &[];
pub const SERVICE: &[&str] = &["--service"];
pub const UNINSTALL: &[&str] = &["--uninstall"];
pub const PURGE: &[&str] = &["--purge"];

/// The tools that change something.
const TOOLS: [&str; 11] = [
    "chmod",
    "cp",
    "curl",
    "ln",
    "mkdir",
    "mv",
    "rm",
    "rmdir",
    "systemctl",
    "tar",
    "userdel",
];

/// What a counting tool does at its call, before it does what it is for.
#[derive(Clone, Copy)]
pub enum Fault {
    /// It fails.
    Fails,
    /// The shell that reads the script is killed, and whoever called the tool.
    Kills,
    /// The user presses Ctrl-C.
    Interrupts,
}

impl Fault {
    fn body(self) -> &'static str {
        match self {
            Fault::Fails => "exit 1",
            Fault::Kills => "kill -9 $(cat \"$TAP_LOG.main\") $PPID; exit 1",
            Fault::Interrupts => "kill -INT $(cat \"$TAP_LOG.main\") $PPID",
        }
    }
}

/// A machine, and what is done there.
pub struct Scenario {
    pub machine: Machine,
    pub args: &'static [&'static str],
    _sites: Vec<Site>,
}

impl Scenario {
    /// On a machine of root's after these runs, with release 1.0.0; what follows finds release 2.0.0.
    pub fn after(before: &[&[&str]], args: &'static [&'static str]) -> Scenario {
        Scenario::on(Machine::new().root(), before, args)
    }

    /// The same on this machine.
    pub fn on(machine: Machine, before: &[&[&str]], args: &'static [&'static str]) -> Scenario {
        let old = Site::small("1.0.0");
        let new = Site::small("2.0.0");
        let machine = machine.env("OLLAMA_TAP_BASE_URL", &new.url());
        machine.file("home/.local/state/ollama-tap/histories", "precious");
        for args in before {
            machine
                .run(&[args, &["--base-url", &old.url()][..]].concat())
                .well();
        }
        machine.keep();
        for tool in TOOLS {
            count(&machine, tool);
        }
        Scenario {
            machine,
            args,
            _sites: vec![old, new],
        }
    }

    /// Runs it from its beginning, with this fault at that step; `None` where it had ended before.
    pub fn run(&self, at: usize, fault: Fault) -> Option<Ran> {
        self.run_with(at, fault.body())
    }

    /// The same with what the tool does, as lines of a shell.
    pub fn run_with(&self, at: usize, fault: &str) -> Option<Ran> {
        self.machine.go_back();
        self.machine.file("log.calls", "");
        self.machine.file("log.at", &format!("{at}\n"));
        self.machine.file("log.fault", fault);
        let ran = self.machine.run(self.args);
        let _ = fs::remove_file(self.machine.at("log.at"));
        let calls = self.machine.read("log.calls").lines().count();
        (calls >= at).then_some(ran)
    }

    /// Runs it from its beginning to its end.
    pub fn whole(&self) {
        self.machine.go_back();
        self.machine.run(self.args).well();
    }

    /// There is never a service without its executable.
    pub fn has_what_it_runs(&self, claim: &str) {
        let unit = self.machine.read(UNIT);
        let program = unit
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart=")?.strip_suffix(" proxy"));
        let is_there = program.is_none_or(|path| PathBuf::from(path).is_file());
        assert!(is_there, "{claim}: {unit}");
    }

    pub fn is_registered(&self) -> bool {
        self.machine.at(UNIT).exists()
    }

    pub fn is_installed(&self) -> bool {
        self.machine.at(EXE).exists()
    }
}

/// Has a tool count its calls, where `log.at` says at which one something happens.
fn count(machine: &Machine, tool: &str) {
    let own = machine.at("tools").join(tool);
    let real = if own.exists() {
        let kept = machine.at("tools").join(format!("{tool}.uncounted"));
        fs::rename(&own, &kept).expect("move a tool");
        kept.display().to_string()
    } else {
        real(tool)
    };
    machine.tool(
        tool,
        &format!(
            r#"if [ -e "$TAP_LOG.at" ]; then
    echo >>"$TAP_LOG.calls"
    calls=0
    while read -r _; do calls=$((calls + 1)); done <"$TAP_LOG.calls"
    read -r at <"$TAP_LOG.at"
    if [ $calls = "$at" ]; then . "$TAP_LOG.fault"; fi
fi
exec {real} "$@""#
        ),
    );
}
