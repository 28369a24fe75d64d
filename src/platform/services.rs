//! What starts services here, and what installing one needs beyond std.

use std::io;
use std::path::Path;

/// What starts a machine's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceManager {
    Systemd,
    Launchd,
    Unknown,
}

/// What starts this machine's services.
pub fn service_manager() -> ServiceManager {
    if cfg!(target_os = "linux") {
        ServiceManager::Systemd
    } else if cfg!(target_os = "macos") {
        ServiceManager::Launchd
    } else {
        ServiceManager::Unknown
    }
}

/// Sets who may do what with a file, as in `chmod 644`. Windows has no such bits.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    std::fs::metadata(path).map(|_| mode)?;
    Ok(())
}
