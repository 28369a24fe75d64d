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

/// Whether Windows has started this process as our service, which has no standard error that anybody would see.
pub fn is_service() -> bool {
    false
}

/// Runs `life`, whose exit code comes back, as the service that Windows has started this process for. `false` where it has not:
/// then nothing was run.
pub fn live_as_service(_life: fn() -> u8) -> io::Result<bool> {
    Ok(false)
}

/// Has the log kept in this directory once it starts, where nothing else keeps a service's.
pub fn log_to(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// Where the log goes instead of standard error: what starts services here keeps that.
pub fn log_target() -> Option<Box<dyn Write + Send>> {
    None
}
