//! Finds the real Ollama.
//!
//! We may be installed under its name, or have a link of its name: each path that leads to our own file is skipped.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::platform;

/// The program's name, without the extension of executables.
const PROGRAM_NAME: &str = "ollama";

/// The variable that counts, for our children, how often we have started ourselves by way of Ollama's commands.
pub const DEPTH: &str = "OLLAMA_TAP_DEPTH";

/// The count that cannot be an accident: the program called `ollama` is a script that leads back to us.
pub const DEPTH_MAX: u32 = 5;

/// Reads the count of `DEPTH`.
pub fn depth() -> u32 {
    std::env::var(DEPTH)
        .ok()
        .and_then(|depth| depth.parse().ok())
        .unwrap_or(0)
}

/// The program named, else the first on PATH, else the one in its usual places.
pub fn ollama(named: Option<&Path>) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let us = platform::process::own_executable().unwrap_or_default();
    let found = match named {
        Some(named) => check(named, &path, &us)?,
        None => search(&path, &platform::ollama::ollama_places(), &us).ok_or_else(missing)?,
    };
    if depth() < DEPTH_MAX {
        Ok(found)
    } else {
        Err(unusable(&found, "it leads back to ollama-tap"))
    }
}

/// A name without a directory is looked for on PATH, as a shell does it.
fn check(named: &Path, path: &OsStr, us: &Path) -> Result<PathBuf> {
    let is_word = named.components().count() == 1 && named.is_relative();
    let found = if is_word {
        on_path(named, path).find(|found| platform::files::is_executable(found))
    } else {
        Some(named.to_owned())
    };
    let reason = match &found {
        Some(found) if !found.exists() => "there is no such file",
        Some(found) if !platform::files::is_executable(found) => "it is not an executable file",
        Some(found) if platform::files::is_same_file(found, us) => "it is ollama-tap itself",
        Some(found) => return Ok(found.clone()),
        None => "it is not on PATH",
    };
    Err(unusable(named, reason))
}

fn unusable(program: &Path, reason: &str) -> Error {
    let way_out = "say where the real one is with --ollama or OLLAMA_EXECUTABLE_PATH";
    Error::Failed(format!(
        "start ollama {}: {reason}; {way_out}",
        program.display()
    ))
}

fn search(path: &OsStr, places: &[PathBuf], us: &Path) -> Option<PathBuf> {
    let name = Path::new(PROGRAM_NAME).with_extension(std::env::consts::EXE_EXTENSION);
    let mut candidates = on_path(&name, path).chain(places.iter().cloned());
    candidates.find(|found| {
        platform::files::is_executable(found) && !platform::files::is_same_file(found, us)
    })
}

fn on_path(name: &Path, path: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(path)
        .filter(|dir| dir.is_absolute())
        .map(move |dir| dir.join(name))
        .collect::<Vec<_>>()
        .into_iter()
}

fn missing() -> Error {
    Error::Failed(
        "find ollama: it is neither on PATH nor in its usual places; install it from https://ollama.com/download, say where it is with \
         OLLAMA_EXECUTABLE_PATH (or `ollama-tap serve --ollama PATH`), tap one on another machine with `ollama-tap proxy --upstream URL`, or try everything without one: `ollama-tap demo`"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    /// This very program stands for any: it may be run.
    fn put(dir: &Path, name: &str) -> PathBuf {
        std::fs::create_dir_all(dir).unwrap();
        let path = dir.join(program(name));
        std::fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
        path
    }

    /// Adds the extension of executables.
    fn program(name: &str) -> String {
        format!("{name}{}", std::env::consts::EXE_SUFFIX)
    }

    fn path(dirs: &[&Path]) -> OsString {
        std::env::join_paths(dirs).unwrap()
    }

    fn complaint(named: &Path, dirs: &[&Path], us: &Path) -> String {
        check(named, &path(dirs), us)
            .expect_err("a complaint")
            .to_string()
    }

    #[test]
    fn the_first_on_path_is_taken_that_is_not_us_and_then_the_usual_places() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b, c) = (
            dir.path().join("a"),
            dir.path().join("b"),
            dir.path().join("c"),
        );
        let us = put(&a, "ollama-tap");
        std::fs::hard_link(&us, a.join(program("ollama"))).unwrap();
        std::fs::create_dir_all(b.join(program("ollama"))).unwrap();
        assert_eq!(search(&path(&[&a, &b]), &[], &us), None);
        let usual = put(&c, "elsewhere");
        assert_eq!(
            search(&path(&[&a, &b]), &[b.join("missing"), usual.clone()], &us),
            Some(usual.clone())
        );
        let real = put(&c, "ollama");
        assert_eq!(
            search(&path(&[&a, Path::new("relative"), &c]), &[usual], &us),
            Some(real)
        );
    }

    #[test]
    fn a_program_that_is_named_must_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let us = put(dir, "ollama-tap");
        let mine = put(dir, "my-ollama");
        assert_eq!(check(&mine, OsStr::new(""), &us).unwrap(), mine);
        assert_eq!(
            check(Path::new(&program("my-ollama")), &path(&[dir]), &us).unwrap(),
            mine
        );
        assert!(complaint(&us, &[], &us).contains("it is ollama-tap itself"));
        assert!(complaint(dir, &[], &us).contains("not an executable file"));
        assert!(complaint(&dir.join("nothing"), &[], &us).contains("no such file"));
        assert!(
            complaint(Path::new("nothing"), &[dir], &us)
                .contains("it is not on PATH; say where the real one is with --ollama")
        );
    }
}
