//! The executable that the service names: one that stays where it is, or a copy of it.

use std::path::{Path, PathBuf};

use super::host_state::{CopyTarget, HostState};
use crate::error::{Error, Result};
use crate::platform;

/// Homebrew's directory of this program, which has a directory for each version.
const CELLAR: &str = "Cellar/ollama-tap";

/// Where Homebrew keeps the version that is installed, beside that.
const HOMEBREW_LINK: &str = "opt/ollama-tap/bin/ollama-tap";

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

#[cfg(test)]
mod tests {
    use super::*;

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
