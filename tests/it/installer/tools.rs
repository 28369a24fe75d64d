//! What of the real machine the tests use: its tools and its shells.

use std::process::Command;

use crate::harness::{require, runs};

/// The tools that the script needs, besides one for downloads and one for SHA-256.
pub const TOOLS: [&str; 15] = [
    "sh", "cat", "chmod", "cp", "cut", "dirname", "grep", "gzip", "ls", "mkdir", "mv", "rm",
    "rmdir", "sed", "tar",
];

/// Returns whether this machine has what the tests themselves need.
pub fn can_run() -> bool {
    ["sh", "curl", "tar", "openssl", "chmod"]
        .iter()
        .all(|tool| require(tool, !real(tool).is_empty()))
}

/// Returns whether machines of root's can be made here.
pub fn can_be_root() -> bool {
    can_run() && require("unshare, as root", runs("unshare", &["--mount", "true"]))
}

/// The shells of this machine that read it.
pub fn shells() -> Vec<&'static [&'static str]> {
    let all: [&[&str]; 3] = [&["sh"], &["bash"], &["busybox", "sh"]];
    all.into_iter()
        .filter(|shell| runs(shell[0], &[&shell[1..], &["-c", "true"]].concat()))
        .collect()
}

/// The ways to download, each as the name of a tool and its body; one that is not here is said.
pub fn fetchers() -> Vec<(&'static str, String)> {
    let ways = [
        ("curl", "curl", ""),
        ("wget", "wget", ""),
        ("wget", "busybox", " wget"),
    ];
    let here = ways
        .into_iter()
        .filter(|(_, program, _)| require(program, !real(program).is_empty()));
    here.map(|(tool, program, word)| (tool, format!("exec {}{word} \"$@\"", real(program))))
        .collect()
}

/// Returns the path of a tool on the real machine.
pub fn real(tool: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .output()
        .expect("run sh");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
