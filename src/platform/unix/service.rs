//! Services here are installed by commands, so that nothing is left to call.

use std::env;
use std::io;

pub use super::kernel::SERVICE_MANAGER;
use crate::platform::service::{ServiceCall, ServiceState};

/// The name that launchd knows our service by.
const LAUNCHD_LABEL: &str = "io.github.ollama-tap";

pub fn call_service(_call: &ServiceCall) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `None` where it is not registered.
pub fn service_state() -> io::Result<Option<ServiceState>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns whether launchd has started this process as our service, whose standard error no user sees. It says so by a variable.
pub fn is_service() -> bool {
    env::var_os("XPC_SERVICE_NAME").is_some_and(|name| name == LAUNCHD_LABEL)
}

/// Does nothing: whoever started the service keeps all that it says.
pub fn report_failure(_message: &str) {}

/// Runs `life`, whose exit code comes back, as the service that Windows has started this process for. `false` where it has not:
/// then nothing was run.
pub fn live_as_service(_life: fn() -> u8) -> io::Result<bool> {
    Ok(false)
}
