//! The processes of a server, as the system sees them.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The processes of one start of a server.
#[derive(Clone, Debug)]
pub struct Run {
    pub guard: u32,
    pub ollama: u32,
    /// What the server started in its turn.
    pub children: Vec<u32>,
}

impl Run {
    /// As ollama.py wrote them down.
    pub fn read(line: &str) -> Run {
        let mut ids = line.split(' ').map(|id| id.parse().expect("a process id"));
        Run { guard: ids.next().expect("a guard"), ollama: ids.next().expect("an ollama"), children: ids.collect() }
    }

    /// Those of a Windows machine that run now; 0 is none.
    pub fn present(machine: &Path) -> Run {
        let first = |word| of_windows(machine, word).first().copied().unwrap_or_default();
        Run { guard: first("--guard"), ollama: first("serve"), children: of_windows(machine, "child") }
    }

    pub fn is_gone(&self) -> bool {
        [self.guard, self.ollama].iter().chain(&self.children).all(|id| !lives(*id))
    }
}

/// The processes that were started with this word, and by their name in the directory of a Windows machine: under Wine a process does
/// not know its number here.
pub fn of_windows(machine: &Path, word: &str) -> Vec<u32> {
    let name = machine.file_name().expect("a name").to_string_lossy().into_owned();
    let is_meant = |words: &[String]| words.iter().any(|text| text.contains(&name)) && words.iter().any(|text| text == word);
    processes().filter(|(id, words)| is_meant(words) && lives(*id)).map(|(id, _)| id).collect()
}

/// Every process here, and the words that it was started with.
fn processes() -> impl Iterator<Item = (u32, Vec<String>)> {
    let ids = fs::read_dir("/proc").expect("list /proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.map(|id: u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        (id, String::from_utf8_lossy(&line).split('\0').map(str::to_owned).collect())
    })
}

/// Whether a process does anything yet; one that is dead and not yet waited for does not.
pub fn lives(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

pub fn signal(id: u32, name: &str) {
    assert!(id > 0, "no process to send {name} to");
    let done = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id.to_string()]).status();
    assert!(done.is_ok_and(|status| status.success()), "kill -s {name} {id}");
}
