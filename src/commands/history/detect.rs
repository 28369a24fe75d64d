//! Finds the history in a directory, and its backend.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::config::Backend;
use crate::error::{Error, Result};
use crate::history::on_disk::newest_in;
use crate::platform;
use crate::util::sanitize::shell_word;

/// Finds the backend of the history in `dir`; `None` without one, or without one of that backend. Of two, the one that was written
/// last.
pub fn detect_backend(dir: &Path, named: Option<Backend>) -> Result<Option<Backend>> {
    match newest_in(dir, named) {
        Ok(found) => Ok(found.map(|found| found.backend)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(unreadable(dir, &cause)),
    }
}

fn unreadable(dir: &Path, cause: &io::Error) -> Error {
    let reason = match cause.kind() {
        ErrorKind::PermissionDenied => {
            let command = without_place(std::env::args().skip(1));
            denied(dir, platform::files::other_owner(dir), &command)
        }
        _ => cause.to_string(),
    };
    Error::Failed(format!("read the history in {}: {reason}", dir.display()))
}

/// Says who may read a directory, and how to become that one.
fn denied(dir: &Path, owner: Option<String>, command: &str) -> String {
    let Some(owner) = owner else {
        return "permission denied; try as the user who owns it".to_owned();
    };
    let dir = dir.display().to_string();
    let (user, dir) = (shell_word(&owner), shell_word(&dir));
    format!(
        "permission denied; it belongs to user {owner}: try `sudo -u {user} ollama-tap {command} --analytics-dir {dir}`"
    )
}

/// What was typed, but for the place of the history and the token, as a shell takes it.
fn without_place(args: impl IntoIterator<Item = String>) -> String {
    const LEFT_OUT: [&str; 2] = ["--analytics-dir", "--token"];
    let mut args = args.into_iter();
    let mut kept = Vec::new();
    while let Some(arg) = args.next() {
        let flag = arg.split('=').next().unwrap_or_default();
        if !LEFT_OUT.contains(&flag) {
            kept.push(shell_word(&arg).into_owned());
        } else if flag == arg {
            args.next();
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_directory_without_a_history_holds_none_and_other_files_are_not_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            detect_backend(&dir.path().join("missing"), None).unwrap(),
            None
        );
        for name in [
            ".lock",
            ".holder",
            "ollama_notes.txt",
            "other_20261120.jsonl.gz",
        ] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        assert_eq!(detect_backend(dir.path(), None).unwrap(), None);
        fs::write(dir.path().join("ollama_20261120.jsonl.gz"), "").unwrap();
        assert_eq!(
            detect_backend(dir.path(), None).unwrap(),
            Some(Backend::Jsonl)
        );
        let error = detect_backend(&dir.path().join(".lock"), None)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("read the history in ") && !error.contains("sudo"),
            "{error}"
        );
    }

    #[test]
    fn who_may_read_it_is_told_with_the_command_that_works() {
        let message = denied(
            Path::new("/var/lib/my tap"),
            Some("ollama".to_owned()),
            "stats",
        );
        let command = "try `sudo -u ollama ollama-tap stats --analytics-dir '/var/lib/my tap'`";
        assert_eq!(
            message,
            format!("permission denied; it belongs to user ollama: {command}")
        );
        assert!(!denied(Path::new("x"), None, "stats").contains("sudo"));
    }

    #[test]
    fn what_was_typed_is_advised_again_but_for_the_place_and_the_token() {
        let typed = "export|-o|my file.csv|--analytics-dir|x|--token=s|--model|phi4";
        let args = typed.split('|');
        assert_eq!(
            without_place(args.map(str::to_owned)),
            "export -o 'my file.csv' --model phi4"
        );
    }
}
