//! Reads the present installation from its files: the unit, the settings and the user of the service.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::command::plist_value;
use super::layout::{
    LISTENS, PLIST_PATH, REMOVED_PLIST_PATH, REMOVED_UNIT_PATH, UNIT_PATH, windows_record,
    windows_settings,
};
use super::settings;
use crate::error::{Error, Result, failed};
use crate::platform;
use crate::platform::service::ServiceManager;

/// Returns the service's unit or property list, or on Windows the record of its installation; `None` where it is not installed.
pub fn unit(manager: ServiceManager) -> Result<Option<String>> {
    read_if_there(unit_path(manager))
}

/// Returns the same, or what is left of it by a removal that has not ended.
pub fn unit_or_rest(manager: ServiceManager) -> Result<Option<String>> {
    read_if_there(unit_or_rest_path(manager))
}

fn unit_path(manager: ServiceManager) -> PathBuf {
    match manager {
        ServiceManager::Systemd => UNIT_PATH.into(),
        ServiceManager::Launchd => PLIST_PATH.into(),
        ServiceManager::Windows => windows_record(),
    }
}

fn unit_or_rest_path(manager: ServiceManager) -> PathBuf {
    let unit = unit_path(manager);
    match manager {
        ServiceManager::Systemd if !unit.exists() => REMOVED_UNIT_PATH.into(),
        ServiceManager::Launchd if !unit.exists() => REMOVED_PLIST_PATH.into(),
        _ => unit,
    }
}

/// The settings as a settings file has them; empty where there are none.
pub fn settings_text(manager: ServiceManager) -> Result<String> {
    match settings_path(manager) {
        Some(path) => read_if_there(path).map(Option::unwrap_or_default),
        None => launchd_settings(),
    }
}

/// The settings file; `None` where the settings are in the property list.
pub fn settings_path(manager: ServiceManager) -> Option<PathBuf> {
    match manager {
        ServiceManager::Systemd => Some(settings::PATH.into()),
        ServiceManager::Windows => Some(windows_settings()),
        ServiceManager::Launchd => None,
    }
}

/// The settings in the form of a settings file; empty where nothing is installed.
fn launchd_settings() -> Result<String> {
    let path = unit_or_rest_path(ServiceManager::Launchd);
    if !path.exists() {
        return Ok(String::new());
    }
    let reading = format!("read {}", path.display());
    let json = plist_value(&path, "EnvironmentVariables", "json")
        .ok_or_else(|| Error::Failed(format!("{reading}: plutil finds no settings in it")))?;
    let values: Map<String, Value> = serde_json::from_str(&json).map_err(failed(reading))?;
    let changes = values
        .into_iter()
        .filter_map(|(name, value)| Some((name, Some(value.as_str()?.to_owned()))));
    Ok(settings::changed("", &changes.collect()))
}

/// Returns the user that the installed service runs as; `None` where that is not known, as on Windows.
pub fn user(manager: ServiceManager) -> Result<Option<String>> {
    match manager {
        ServiceManager::Systemd => {
            let unit = unit(manager)?;
            Ok(unit.as_deref().and_then(unit_user).map(str::to_owned))
        }
        ServiceManager::Launchd => Ok(launchd_user()),
        ServiceManager::Windows => Ok(None),
    }
}

fn launchd_user() -> Option<String> {
    let name = plist_value(Path::new(PLIST_PATH), "UserName", "raw")?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The user that a unit runs as.
fn unit_user(unit: &str) -> Option<&str> {
    unit.lines().find_map(|line| line.strip_prefix("User="))
}

/// Returns the address that the service on Windows listens on (public information); `None` where it is not installed.
pub fn public_listen() -> Option<String> {
    listens(&fs::read_to_string(windows_record()).ok()?)
}

/// Reads the tap's address from the record on Windows.
pub fn listens(record: &str) -> Option<String> {
    record
        .lines()
        .find_map(|line| line.strip_prefix(LISTENS))
        .map(str::to_owned)
}

/// The text of a file, if it is there.
pub fn read_if_there(path: impl AsRef<Path>) -> Result<Option<String>> {
    let path = path.as_ref();
    let shown = path.display();
    match fs::read_to_string(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) if cause.kind() == ErrorKind::PermissionDenied => Err(failed(format!(
            "read {shown} ({})",
            platform::users::NOT_OURS_TO_READ
        ))(cause)),
        read => read.map(Some).map_err(failed(format!("read {shown}"))),
    }
}
