//! The log of an Ollama that is a service of this machine, which systemd keeps in its journal.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::clean_environment;
use super::output::{LineSink, read_lines};
use crate::config::test_overrides;
use crate::http::address::Upstream;
use crate::platform;
use crate::util::threads::{self, STACK};

/// The unit that Ollama's installer makes.
const UNIT: &str = "ollama.service";

/// The journal is followed again so long after that has ended.
const RESTART_PAUSE: Duration = Duration::from_secs(60);

/// Tells `sink` each line of the journal of Ollama's unit, on a thread of its own, where the Ollama
/// at `upstream` can be that one. Lines come some milliseconds after they were written.
pub fn follow(upstream: &Upstream, sink: LineSink) {
    if !upstream.is_loopback() {
        return log_unread("ollama is not reached by an address of this machine alone");
    }
    if !has_systemd() {
        return log_unread("no systemd runs here");
    }
    // What it starts ends with this thread, which lasts as long as the process.
    if let Err(cause) = threads::spawn("journal", STACK, move || run(&sink)) {
        log_unread(&cause.to_string());
    }
}

fn log_unread(why: &str) {
    log::debug!("the journal of {UNIT} is not read: {why}");
}

fn has_systemd() -> bool {
    match test_overrides::SERVICE_MANAGER.get::<String>() {
        Some(manager) => manager == "systemd",
        None => Path::new(platform::service::SYSTEMD_RUNS).exists(),
    }
}

fn run(sink: &LineSink) {
    match is_loaded() {
        Ok(true) => {}
        Ok(false) => return log_unread("there is no such unit"),
        Err(cause) => return log_unread(&format!("systemctl show: {cause}")),
    }
    loop {
        let end = follow_to_end(sink);
        let end = end.unwrap_or_else(|cause| format!("start journalctl: {cause}"));
        let pause = RESTART_PAUSE.as_secs();
        log::debug!("read the journal of {UNIT}: {end}; again in {pause} s");
        thread::sleep(RESTART_PAUSE);
    }
}

fn is_loaded() -> io::Result<bool> {
    let mut command = Command::new("systemctl");
    command.args(["show", UNIT, "--property=LoadState"]);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    clean_environment(&mut command);
    Ok(command.output()?.stdout.starts_with(b"LoadState=loaded"))
}

/// Follows the journal, and returns how that has ended.
fn follow_to_end(sink: &LineSink) -> io::Result<String> {
    let mut command = Command::new("journalctl");
    command.args(["--follow", "--lines=0", "--output=cat", "--quiet", "--unit"]);
    command.arg(UNIT);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::null());
    clean_environment(&mut command);
    let mut child = platform::process::spawn_to_end_with_us(&mut command)?;
    if let Some(pipe) = child.stdout.take() {
        log::debug!("the journal of {UNIT} is read");
        read_lines(pipe, |line| sink(line));
    }
    Ok(format!("journalctl ended: {}", child.wait()?))
}
