//! Paths of an installed service, and the marks that it leaves there for `uninstall`.

use std::path::PathBuf;

use crate::platform;

/// The user that the tap runs as in front of another Ollama.
pub const TAP_USER: &str = "ollama-tap";

/// The host that Ollama listens on behind the tap.
pub const LOOPBACK: &str = "127.0.0.1";

/// The unit of systemd.
pub const UNIT: &str = "ollama-tap.service";
pub const UNIT_PATH: &str = "/etc/systemd/system/ollama-tap.service";

/// What was the unit, while the service is removed: systemd passes it over, and it still says what is left to do.
pub const REMOVED_UNIT_PATH: &str = "/etc/systemd/system/ollama-tap.service.removed";

/// A line of the unit, or of the record on Windows: the executable is a copy.
pub const COPIED: &str = "Executable=copied";

/// The property list of launchd.
pub const PLIST_PATH: &str = "/Library/LaunchDaemons/io.github.ollama-tap.plist";

/// What was the property list, while the service is removed: launchd passes it over.
pub const REMOVED_PLIST_PATH: &str = "/Library/LaunchDaemons/io.github.ollama-tap.removed";

/// Where version 0.1.0 kept the history on macOS.
pub const FORMER_HISTORY: &str = "/var/lib/ollama-tap/ollama_analytics";

/// The name that launchd knows the service by.
pub const LAUNCHD_TARGET: &str = "system/io.github.ollama-tap";

/// The same mark in the property list.
pub const PLIST_COPIED: &str = "<!-- the executable is a copy -->\n";

/// Lines of the record on Windows: rights were given here; where the tap listens, for those who may not read the settings.
pub const GIVEN: &str = "Given=";
pub const LISTENS: &str = "Listens=";

/// The settings file on Windows.
pub fn windows_settings() -> PathBuf {
    platform::folders::service_directory().join("ollama-tap.env")
}

/// The record of what was installed on Windows. Everybody may read it.
pub fn windows_record() -> PathBuf {
    platform::folders::service_directory().join("installed.txt")
}

/// The log that the service keeps itself, where systemd keeps none.
pub fn own_log() -> PathBuf {
    platform::folders::service_logs().join(platform::service::SERVICE_LOG)
}
