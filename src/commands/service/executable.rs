//! The executable that the service names: one that stays where it is, or a copy of it.

use std::path::{Path, PathBuf};

use super::command::output;
use super::host_state::{CopyTarget, HostState};
use crate::cli::PROGRAM_NAME;
use crate::error::{Error, Result};
use crate::platform;

/// Homebrew's directory of this program, which has a directory for each version.
const CELLAR: &str = "Cellar/ollama-tap";

/// Where Homebrew keeps the version that is installed, beside that.
const HOMEBREW_LINK: &str = "opt/ollama-tap/bin/ollama-tap";

/// The version of this one.
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Returns the executable that the service names, and whether it must be copied there. A copy of ours is kept up to date.
pub fn choose(host: &HostState) -> Result<(PathBuf, bool)> {
    let place = platform::folders::service_program();
    let ours = lasting(&host.executable);
    match host.copy_target {
        _ if ours != host.executable || is_stable(&ours) => Ok((ours, false)),
        CopyTarget::Free | CopyTarget::Copy => Ok((place, true)),
        CopyTarget::Same => Ok((place, false)),
        CopyTarget::Other => Err(Error::Failed(format!(
            "copy {} to {place}: a different program is there; install with that one (`{place} service install`), or remove it",
            host.executable.display(),
            place = place.display()
        ))),
    }
}

/// Returns whether a program will stay where it is, for all users to run.
pub fn is_stable(program: &Path) -> bool {
    platform::folders::program_places()
        .iter()
        .any(|place| program.starts_with(place))
}

/// Returns the path that leads to a program after an upgrade too: Homebrew deletes the directory of the version before.
pub fn lasting(program: &Path) -> PathBuf {
    let cellar = program.ancestors().find(|path| path.ends_with(CELLAR));
    match cellar.and_then(|cellar| cellar.parent()?.parent()) {
        Some(prefix) => prefix.join(HOMEBREW_LINK),
        None => program.to_owned(),
    }
}

/// Describes the executable that the service names, by what it says of itself.
pub fn describe(executable: &Path) -> String {
    let shown = executable.display();
    let install = "`ollama-tap service install`";
    let said = output(&[&executable.to_string_lossy(), "--version"]);
    let version = said
        .as_deref()
        .and_then(|said| said.trim().strip_prefix(PROGRAM_NAME))
        .map(str::trim);
    match version {
        None if !executable.exists() => format!("{shown}, which is gone; {install} mends it"),
        None => format!("{shown}, which does not run; {install} mends it"),
        Some(version) if is_older(version, OWN_VERSION) => format!(
            "{shown}, version {version}, older than this {OWN_VERSION}; {install} puts this one in its place"
        ),
        Some(version) => format!("{shown}, version {version}"),
    }
}

/// Compares versions by their numbers.
fn is_older(version: &str, other: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect()
    };
    numbers(version) < numbers(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_older_by_its_numbers() {
        for (version, other) in [("0.1.0", "0.2.0"), ("0.9.1", "0.10.0"), ("1.2", "1.2.1")] {
            assert!(is_older(version, other) && !is_older(other, version));
        }
        assert!(!is_older("0.2.0", "0.2.0"));
    }

    #[test]
    fn no_version_is_in_the_path_that_the_service_names() {
        for (program, named) in [
            (
                "/opt/homebrew/Cellar/ollama-tap/0.2.0/bin/ollama-tap",
                "/opt/homebrew/opt/ollama-tap/bin/ollama-tap",
            ),
            (
                "/usr/local/Cellar/ollama-tap/0.2.0_1/bin/ollama-tap",
                "/usr/local/opt/ollama-tap/bin/ollama-tap",
            ),
            ("/usr/bin/ollama-tap", "/usr/bin/ollama-tap"),
        ] {
            assert_eq!(lasting(Path::new(program)), Path::new(named));
        }
    }

    #[test]
    fn a_program_that_nix_may_collect_does_not_stay() {
        let program = "/nix/store/0c4d-ollama-tap-0.2.0/bin/ollama-tap";
        assert!(!is_stable(Path::new(program)));
    }
}
