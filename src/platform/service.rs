//! Our service as the system runs it: what starts services here, and what installing one needs beyond std.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::folders::service_logs;
use super::log_file::LogFile;

pub use super::system::service::{
    SERVICE_MANAGER, call_service, is_service, live_as_service, report_failure, service_state,
};

/// The service manager of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceManager {
    Systemd,
    Launchd,
    Windows,
}

/// The directory that exists where systemd runs; systemctl is also on machines and in containers
/// where it does not.
pub const SYSTEMD_RUNS: &str = "/run/systemd/system";

/// The name that Windows knows our service by.
pub const SERVICE: &str = "OllamaTap";

/// The account that it runs as, which Windows makes with the service, and which owns nothing else.
pub const SERVICE_ACCOUNT: &str = r"NT SERVICE\OllamaTap";

/// The file of its log, in a directory of its own.
pub const SERVICE_LOG: &str = "ollama-tap.log";

/// Returns the log of a service whose standard error no user sees; `None` for every other process, and where the log cannot be opened.
pub fn log_target() -> Option<Box<dyn Write + Send>> {
    let file = is_service().then(|| LogFile::open(&service_logs()))?;
    Some(Box::new(file.ok()?))
}

/// A request to Windows about our service. Other systems have commands for that.
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
    /// The time to stop when the machine is shut down.
    pub stop_time: Duration,
}

impl fmt::Display for ServiceCall {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ServiceCall::Register(entry) => {
                write!(
                    f,
                    "register the service {SERVICE}: {} service run, as {SERVICE_ACCOUNT}; it is a source of the event log, too",
                    entry.executable.display()
                )
            }
            ServiceCall::Start => write!(f, "start the service {SERVICE}"),
            ServiceCall::Stop => write!(f, "stop the service {SERVICE}"),
            ServiceCall::Unregister => write!(f, "remove the service {SERVICE}"),
        }
    }
}

/// The state of a service of ours that is registered with Windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// In Windows' own words.
    pub name: &'static str,
    pub is_running: bool,
    /// What it runs, as it is registered.
    pub command_line: String,
    /// Its process, while it has one.
    pub process: Option<u32>,
}
