//! A step of an installation or a removal.
//!
//! Steps are computed first, all of them, and done then: what `--dry-run` prints is what would be done. Each one may be done
//! again, so that a list that was interrupted is finished by doing it from its beginning.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::command::run;
use super::files::{ignore_not_found, remove, remove_at_restart, replace, retry_while_in_use};
use super::report::{print_line, warn};
use super::settings;
use crate::config::test_overrides;
use crate::error::{Result, failed};
use crate::platform;
use crate::platform::service::ServiceCall;

/// The mode of a file that all users may read.
pub const PUBLIC: u32 = 0o644;
/// The mode of a file that only root may read: it may hold secrets.
pub const PRIVATE: u32 = 0o600;
/// The mode of a file that all users may run.
const EXECUTABLE: u32 = 0o755;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes a whole file, with the directory that it is in.
    Write {
        path: PathBuf,
        text: String,
        mode: u32,
    },
    /// Makes a directory for a user; one that is there stays as it is.
    Directory { path: PathBuf, owner: String },
    /// Makes a directory with the rights of the one that it is in; one that is there stays as it is.
    Make(PathBuf),
    /// Moves a file, which takes the place of another, or a directory. One that is not there has been moved.
    Move { from: PathBuf, to: PathBuf },
    /// Copies an executable.
    Copy { from: PathBuf, to: PathBuf },
    /// Removes a file.
    Remove(PathBuf),
    /// Removes an executable, which may be the one that runs.
    RemoveProgram(PathBuf),
    /// Removes a directory that has nothing in it any more.
    RemoveEmpty(PathBuf),
    /// Removes a directory with all that is in it.
    RemoveTree(PathBuf),
    /// Runs a command, which must succeed.
    Run(Vec<String>),
    /// Runs a command whose failure changes nothing for what follows.
    Try(Vec<String>),
    /// Asks Windows to do something with the service.
    Service(ServiceCall),
}

impl Step {
    pub fn run(words: &[&str]) -> Step {
        Step::Run(words.iter().map(|word| (*word).to_owned()).collect())
    }

    pub fn attempt(words: &[&str]) -> Step {
        Step::Try(words.iter().map(|word| (*word).to_owned()).collect())
    }

    pub fn write(path: impl Into<PathBuf>, text: String, mode: u32) -> Step {
        Step::Write {
            path: path.into(),
            text,
            mode,
        }
    }

    /// Describes the step, with the content of the file that it writes; secrets are not shown.
    pub fn details(&self) -> String {
        let Step::Write { text, mode, .. } = self else {
            return self.to_string();
        };
        let shown = settings::without_secrets(text);
        let lines = shown
            .lines()
            .map(|line| format!("\n    {line}").trim_end().to_owned());
        format!("{self} (mode {mode:04o}):{}", lines.collect::<String>())
    }

    pub fn perform(&self) -> Result<()> {
        match self {
            Step::Write { path, text, mode } => {
                replace(path, text.as_bytes(), *mode).map_err(failed(self))
            }
            Step::Directory { path, .. } if path.exists() => Ok(()),
            Step::Directory { path, owner } => {
                let words = [
                    "install",
                    "-d",
                    "-o",
                    owner,
                    "-m",
                    "0755",
                    &path.to_string_lossy(),
                ];
                run(&words.map(str::to_owned)).map_err(failed(self))
            }
            Step::Make(path) => fs::create_dir_all(path).map_err(failed(self)),
            Step::Move { from, to } => ignore_not_found(fs::rename(from, to)).map_err(failed(self)),
            Step::Copy { from, to } => {
                let copy = |bytes: Vec<u8>| retry_while_in_use(|| replace(to, &bytes, EXECUTABLE));
                fs::read(from).and_then(copy).map_err(failed(self))
            }
            Step::Remove(path) => remove(path).map_err(failed(self)),
            Step::RemoveProgram(path) => retry_while_in_use(|| remove(path))
                .or_else(|cause| remove_at_restart(path, cause))
                .map_err(failed(self)),
            Step::RemoveTree(path) => {
                ignore_not_found(fs::remove_dir_all(path)).map_err(failed(self))
            }
            Step::RemoveEmpty(path) => match fs::remove_dir(path) {
                Err(cause) if cause.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
                done => ignore_not_found(done).map_err(failed(self)),
            },
            Step::Run(words) => run(words).map_err(failed(self)),
            Step::Service(call) => platform::service::call_service(call).map_err(failed(self)),
            Step::Try(words) => {
                run(words).unwrap_or_else(|cause| warn(format_args!("{self}: {cause}; going on")));
                Ok(())
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Step::Write { path, .. } => write!(f, "write {}", path.display()),
            Step::Directory { path, owner } => write!(
                f,
                "make the directory {} for {owner}, if it is missing",
                path.display()
            ),
            Step::Make(path) => {
                write!(f, "make the directory {}, if it is missing", path.display())
            }
            Step::Move { from, to } => write!(f, "move {} to {}", from.display(), to.display()),
            Step::Copy { from, to } => write!(f, "copy {} to {}", from.display(), to.display()),
            Step::Remove(path) | Step::RemoveProgram(path) => {
                write!(f, "remove {}", path.display())
            }
            Step::RemoveEmpty(path) => write!(f, "remove {} if it is empty", path.display()),
            Step::RemoveTree(path) => write!(f, "remove {} and all that is in it", path.display()),
            Step::Run(words) | Step::Try(words) => write!(f, "run {}", words.join(" ")),
            Step::Service(call) => write!(f, "{call}"),
        }
    }
}

/// Prints each step and performs it; the first that fails ends it.
pub fn perform(steps: &[Step]) -> Result<()> {
    let last = test_overrides::STEPS_MAX.get();
    for (done, step) in steps.iter().enumerate() {
        if last == Some(done) {
            std::process::exit(1);
        }
        print_line(step);
        step.perform()?;
    }
    Ok(())
}

/// Prints each step in full.
pub fn show(steps: &[Step]) {
    for step in steps {
        print_line(step.details());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_may_be_done_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("some.d/file.conf");
        let (copy, parent) = (dir.path().join("copy"), path.parent().unwrap().to_owned());
        let steps = [
            Step::write(&path, "text\n".to_owned(), PRIVATE),
            Step::Copy {
                from: path.clone(),
                to: copy.clone(),
            },
            Step::RemoveEmpty(parent.clone()),
        ];
        for _ in 0..2 {
            perform(&steps).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "text\n");
            assert_eq!(fs::read_to_string(&copy).unwrap(), "text\n");
        }
        let steps = [
            Step::Remove(path.clone()),
            Step::RemoveEmpty(parent.clone()),
            Step::RemoveTree(parent.clone()),
        ];
        for _ in 0..2 {
            perform(&steps).unwrap();
            assert!(!parent.exists());
        }
    }

    #[test]
    fn what_an_interrupted_write_left_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(dir.path().join("file.new"), "half a te").unwrap();
        Step::write(&path, "text".to_owned(), PUBLIC)
            .perform()
            .unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(dir.path().join("file.new"), "half a te").unwrap();
        Step::Remove(path).perform().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_command_that_fails_ends_the_list_unless_it_was_an_attempt() {
        let us = std::env::current_exe().unwrap(); // which wants other words
        let words = [&*us.to_string_lossy(), "--no-such-word"];
        let failure = perform(&[Step::attempt(&words), Step::run(&words)]).unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with(&format!("run {}: exit ", words.join(" "))),
            "{failure}"
        );
        let missing = Step::run(&["no-such-program", "x"]).perform().unwrap_err();
        assert!(
            missing.to_string().starts_with("run no-such-program x: "),
            "{missing}"
        );
    }

    #[test]
    fn a_secret_is_written_but_not_shown() {
        let step = Step::write(
            "/etc/x.env",
            "A=1\nOLLAMA_TAP_TOKEN=s3cret\n".to_owned(),
            PRIVATE,
        );
        assert_eq!(
            step.details(),
            "write /etc/x.env (mode 0600):\n    A=1\n    OLLAMA_TAP_TOKEN=(not shown)"
        );
    }
}
