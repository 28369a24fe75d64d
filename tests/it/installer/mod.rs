//! install.sh, run for real on machines of its own, with downloads from a site of this machine; and install.ps1, as far as it can be.

/// The files of an installation, and where they come from.
#[cfg(unix)]
mod installing;
/// A machine for one test.
#[cfg(unix)]
mod machine;
/// Removing it again.
#[cfg(unix)]
mod removing;
/// Releases to download.
#[cfg(unix)]
mod site;
/// Downloads that are not what they should be, and moments at which it is interrupted.
#[cfg(unix)]
mod trouble;
/// A newer release over an older one, and the service.
#[cfg(unix)]
mod upgrading;
/// install.ps1, what both its PowerShells know and what it decides.
mod windows;
