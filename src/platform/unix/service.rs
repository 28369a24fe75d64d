//! Services here are installed by commands, so that nothing is left to call.

use std::io::{self, Write};
use std::path::Path;

pub use super::kernel::SERVICE_MANAGER;
use crate::platform::service::{ServiceCall, ServiceState};

pub fn call_service(_call: &ServiceCall) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `None` where it is not registered.
pub fn service_state() -> io::Result<Option<ServiceState>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns whether Windows has started this process as our service, whose standard error no user sees.
pub fn is_service() -> bool {
    false
}

/// Runs `life`, whose exit code comes back, as the service that Windows has started this process for. `false` where it has not:
/// then nothing was run.
pub fn live_as_service(_life: fn() -> u8) -> io::Result<bool> {
    Ok(false)
}

/// Does nothing: the service manager keeps the log.
pub fn log_to(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns no log in place of standard error: the service manager keeps that.
pub fn log_target() -> Option<Box<dyn Write + Send>> {
    None
}
