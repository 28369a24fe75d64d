//! install.sh, run for real on machines of its own, with downloads from a site of this machine; and install.ps1, as far as it can be.

/// What an installation puts where, and where it comes from.
mod installing;
/// A machine for one test.
mod machine;
/// Removing it again.
mod removing;
/// Releases to download.
mod site;
/// Downloads that are not what they should be, and moments at which it is interrupted.
mod trouble;
/// A newer release over an older one, and the service.
mod upgrading;
/// install.ps1, what both its PowerShells know and what it decides.
mod windows;

use machine::Machine;
use site::Site;

/// The prefix of somebody who is not root.
const EXE: &str = "home/.local/bin/ollama-tap";

/// Whether this machine has what the tests themselves need.
fn can_run() -> bool {
    ["sh", "curl", "tar", "openssl", "chmod"].iter().all(|tool| crate::harness::require(tool, !machine::real(tool).is_empty()))
}

/// A machine that downloads from this site.
fn beside(site: &Site) -> Machine {
    Machine::new().env("OLLAMA_TAP_BASE_URL", &site.url())
}
