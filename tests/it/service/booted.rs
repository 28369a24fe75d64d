//! The tap as a service of a systemd that is booted for the test, in namespaces of its own: what it keeps over a restart.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::{eventually, require, require_tool, runs, text};

/// Boots systemd with the units below `$1` alone; all that it writes goes to places of its own.
const BOOT: &str = r#"
set -e
ip link set lo up
for place in /run /var/lib /sys/fs/cgroup; do mount -t tmpfs tmpfs $place; done
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
export container=test SYSTEMD_UNIT_PATH="$1"
exec /usr/lib/systemd/systemd --system --unit=test.target --log-target=console --show-status=no systemd.unified_cgroup_hierarchy=0
"#;

/// Targets that the unit asks for.
const TARGETS: [&str; 6] = [
    "test",
    "sysinit",
    "basic",
    "shutdown",
    "network-online",
    "multi-user",
];

/// Connects again and again, each time for one request, until its input ends. Prints how many were answered, refused and not answered.
const LOAD: &str = r#"
import http.client, sys, threading
answered, refused, cut, over = [0], [0], [0], threading.Event()
def ask():
    while not over.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=30)
        try:
            connection.connect()
        except OSError:
            refused[0] += 1
            continue
        try:
            connection.request("GET", "/healthz")
            answered[0] += connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            cut[0] += 1
        connection.close()
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads: thread.start()
print("asking", flush=True)
sys.stdin.read()
over.set()
for thread in threads: thread.join()
print(answered[0], refused[0], cut[0])
"#;

struct Booted {
    systemd: Child,
    dir: tempfile::TempDir,
}

impl Booted {
    /// `None`, said aloud, where this user may not boot one.
    fn start() -> Option<Booted> {
        let namespaces = [
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--net",
            "--uts",
            "--ipc",
            "--cgroup",
        ];
        let mut can_boot = vec!["--propagation", "private"];
        can_boot.extend(namespaces);
        can_boot.extend(["sh", "-c", "mount -t tmpfs tmpfs /sys/fs/cgroup && mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup"]);
        let is_there = require("systemd", Path::new("/usr/lib/systemd/systemd").exists())
            && require_tool("ip", &["-V"])
            && require_tool("nsenter", &["-V"]);
        if !is_there || !require("the right to boot a systemd", runs("unshare", &can_boot)) {
            return None;
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("let services in");
        for name in TARGETS.iter() {
            fs::write(
                dir.path().join(format!("{name}.target")),
                "[Unit]\nDefaultDependencies=no\n",
            )
            .expect("a unit")
        }
        fs::write(dir.path().join("ollama-tap.service"), unit(dir.path())).expect("a unit");
        let mut command = Command::new("unshare");
        command
            .args(["--propagation", "private"])
            .args(namespaces)
            .args(["sh", "-c", BOOT, "sh"])
            .arg(dir.path());
        let systemd = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("boot systemd");
        let booted = Booted { systemd, dir };
        eventually("systemd runs", || {
            booted
                .ok(&["systemctl", "is-system-running", "--wait"])
                .is_some()
        });
        Some(booted)
    }

    /// A command beside it: there, the number of systemd is 1.
    fn command(&self, words: &[&str]) -> Command {
        let child = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.systemd.id()))
            .unwrap_or_default();
        let mut command = Command::new("nsenter");
        command
            .args(["--target", child.trim(), "--mount", "--pid", "--net", "--"])
            .args(words);
        command
    }

    /// Returns its output, if it succeeds.
    fn ok(&self, words: &[&str]) -> Option<String> {
        let output = self
            .command(words)
            .stdin(Stdio::null())
            .output()
            .expect("run a command");
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Tells systemd something, which must succeed.
    fn systemctl(&self, words: &[&str]) -> String {
        let all = [&["systemctl"], words].concat();
        self.ok(&all)
            .unwrap_or_else(|| panic!("{words:?} failed:\n{}", self.log()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        let _ = self.systemd.kill(); // and with it all that it was the first process of
        let _ = self.systemd.wait();
    }
}

/// The unit as we ship it, for this executable, with its log below `dir`.
fn unit(dir: &Path) -> String {
    let packaged =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd/ollama-tap.service");
    let start = format!("ExecStart={} proxy", env!("CARGO_BIN_EXE_ollama-tap"));
    let mut unit = String::new();
    for line in fs::read_to_string(packaged).expect("a unit").lines() {
        unit += match line.split_once('=').map_or("", |(key, _)| key) {
            "ExecStart" => &start,
            "EnvironmentFile" | "User" => "", // there are none in here
            // The executable may be in a home, and this machine may lack what else the sandbox is made of: that is not what is tried.
            key if key.starts_with("Protect")
                || key.starts_with("Private")
                || key == "ProcSubset"
                || key == "SystemCallFilter" =>
            {
                ""
            }
            _ => line,
        };
        unit.push('\n');
    }
    unit.replace(
        "[Install]",
        &format!("StandardError=append:{}\n[Install]", text(&dir.join("log"))),
    )
}

#[test]
fn a_restart_under_load_refuses_no_connection_and_a_stop_frees_the_port() {
    if !require_tool("python3", &["--version"]) {
        return;
    }
    let Some(booted) = Booted::start() else {
        return;
    };
    booted.systemctl(&["start", "ollama-tap"]);
    let mut load = booted
        .command(&["python3", "-c", LOAD])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("clients");
    let mut said = BufReader::new(load.stdout.take().expect("stdout"))
        .lines()
        .map(|line| line.expect("a line"));
    assert_eq!(said.next().as_deref(), Some("asking"));
    let connect = "import socket; socket.create_connection(('127.0.0.1', 8000))";
    let ask = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz')";
    for _ in 0..3 {
        booted.systemctl(&["restart", "ollama-tap"]);
        booted.ok(&["python3", "-c", ask]).expect("it serves");
    }
    booted.systemctl(&["kill", "--signal=KILL", "ollama-tap"]);
    booted.ok(&["python3", "-c", ask]).expect("it serves again");
    drop(load.stdin.take());
    let counts: Vec<u32> = said
        .next()
        .expect("counts")
        .split(' ')
        .map(|count| count.parse().expect("a count"))
        .collect();
    load.wait().expect("its end");
    assert!(
        counts[0] > 0 && counts[1] == 0,
        "answered, refused, cut: {counts:?}\n{}",
        booted.log()
    );
    assert_eq!(
        booted
            .log()
            .matches("listening on http://[::]:8000")
            .count(),
        5,
        "{}",
        booted.log()
    );
    println!("answered {}, cut {}", counts[0], counts[2]);

    booted.systemctl(&["stop", "ollama-tap"]);
    assert!(
        booted.ok(&["python3", "-c", connect]).is_none(),
        "somebody has the port yet"
    );
}
