//! What starts services here, and what installing one needs beyond std.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What starts a machine's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceManager {
    Systemd,
    Launchd,
    Windows,
    Unknown,
}

/// What starts this machine's services.
pub fn service_manager() -> ServiceManager {
    if cfg!(target_os = "linux") {
        ServiceManager::Systemd
    } else if cfg!(target_os = "macos") {
        ServiceManager::Launchd
    } else if cfg!(windows) {
        ServiceManager::Windows
    } else {
        ServiceManager::Unknown
    }
}

/// The name that Windows knows our service by.
pub const SERVICE: &str = "OllamaTap";

/// The account that it runs as, which Windows makes with the service, and which owns nothing else.
pub const SERVICE_ACCOUNT: &str = r"NT SERVICE\OllamaTap";

/// The file of its log, in a directory of its own.
pub const SERVICE_LOG: &str = "ollama-tap.log";

/// What Windows is asked to do with our service. Other systems have commands for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceCall {
    /// Registers it, or brings what is registered up to date.
    Register(ServiceEntry),
    /// Starts it, and waits until it runs.
    Start,
    /// Stops it, and waits until it has ended. One that does not run, or is not there, is stopped.
    Stop,
    /// Removes it. One that is not there is removed.
    Unregister,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEntry {
    pub executable: PathBuf,
    /// How long it may take to stop when the machine is shut down.
    pub stop_time: Duration,
}

impl fmt::Display for ServiceCall {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ServiceCall::Register(entry) => {
                write!(
                    f,
                    "register the service {SERVICE}: {} service run, as {SERVICE_ACCOUNT}",
                    entry.executable.display()
                )
            }
            ServiceCall::Start => write!(f, "start the service {SERVICE}"),
            ServiceCall::Stop => write!(f, "stop the service {SERVICE}"),
            ServiceCall::Unregister => write!(f, "remove the service {SERVICE}"),
        }
    }
}

/// How a service of ours is that Windows knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// In Windows' own words.
    pub name: &'static str,
    pub is_running: bool,
    /// Its process, while it has one.
    pub process: Option<u32>,
}

#[cfg(windows)]
pub use super::windows::log::log_to;
#[cfg(windows)]
pub use super::windows::service::{call_service, service_state};
#[cfg(windows)]
pub use super::windows::service_life::{is_service, live_as_service};

#[cfg(not(windows))]
pub fn call_service(_call: &ServiceCall) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `None` where it is not registered.
#[cfg(not(windows))]
pub fn service_state() -> io::Result<Option<ServiceState>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether Windows has started this process as our service, which has no standard error that anybody would see.
#[cfg(not(windows))]
pub fn is_service() -> bool {
    false
}

/// Runs `life`, whose exit code comes back, as the service that Windows has started this process for. `false` where it has not:
/// then nothing was run.
#[cfg(not(windows))]
pub fn live_as_service(_life: fn() -> u8) -> io::Result<bool> {
    Ok(false)
}

/// Has the log kept in this directory once it starts, where nothing else keeps a service's.
#[cfg(not(windows))]
pub fn log_to(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// Has a file removed when the system starts the next time.
pub fn remove_at_restart(path: &Path) -> io::Result<()> {
    #[cfg(windows)]
    return super::windows::shell::remove_at_restart(path);
    #[cfg(unix)]
    return Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} is in use", path.display()),
    ));
}

/// Sets variables of this process. Call it before the first thread of ours starts.
pub fn set_variables<'a>(values: impl IntoIterator<Item = (&'a String, &'a String)>) {
    for (name, value) in values {
        // SAFETY: no other thread runs yet that could read the environment at the same time; on Windows the system guards it.
        unsafe { std::env::set_var(name, value) };
    }
}

/// Sets who may do what with a file, as in `chmod 644`. On Windows only what nobody else may read differs from its directory.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(windows)]
    if mode & 0o077 == 0 {
        super::make_file_private(path)?;
    }
    Ok(())
}
