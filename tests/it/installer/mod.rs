//! install.sh, run for real on machines of its own, with downloads from a site of this machine; and install.ps1, as far as it can be.

/// A failure at each step.
#[cfg(unix)]
mod failing;
/// The files of an installation, and where they come from.
#[cfg(unix)]
mod installing;
/// Runs that are killed, and what the next one makes of it.
#[cfg(unix)]
mod killed;
/// What other runs have left, or still need.
#[cfg(unix)]
mod leftovers;
/// A machine for one test.
#[cfg(unix)]
mod machine;
/// Removing it again.
#[cfg(unix)]
mod removing;
/// A service that is not whole any more.
#[cfg(unix)]
mod repaired;
/// Passwords and tokens in addresses.
#[cfg(unix)]
mod secrets;
/// Releases to download.
#[cfg(unix)]
mod site;
/// Runs that go wrong at one of their steps.
#[cfg(unix)]
mod steps;
/// Tools and shells of the real machine.
#[cfg(unix)]
mod tools;
/// Downloads that are not what they should be, and moments at which it is interrupted.
#[cfg(unix)]
mod trouble;
/// A newer release over an older one, and the service.
#[cfg(unix)]
mod upgrading;
/// install.ps1, what both its PowerShells know and what it decides.
mod windows;
