//! The state of the host, looked up once. Every later decision depends on it alone.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::layout::{COPIED, PLIST_COPIED, TAP_USER};
use super::ollama_unit::{self, OllamaUnit};
use super::registered::Registered;
use super::role::Role;
use super::{installed, settings};
use crate::error::{Result, failed};
use crate::ollama::app_settings::{self, AppSettings};
use crate::ollama::find;
use crate::platform;
use crate::platform::service::ServiceManager;
use crate::platform::users::User;

/// The file at the path of our copy, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyTarget {
    Free,
    /// The copy that an installation before made.
    Copy,
    /// Another user put the same program there.
    Same,
    Other,
}

#[derive(Clone, Debug)]
pub struct HostState {
    pub manager: ServiceManager,
    /// Ourselves.
    pub executable: PathBuf,
    pub copy_target: CopyTarget,
    /// The service's unit or plist, or on Windows the record of its installation, as it is now; also that of a removal that has not ended.
    pub unit: Option<String>,
    /// The service as the system knows it; `None` where it does not.
    pub registered: Option<Registered>,
    /// The settings file as it is now; empty where there is none.
    pub settings: String,
    /// Ollama's own service, if it has one.
    pub ollama_unit: Option<OllamaUnit>,
    /// Whether we moved it to another port.
    pub is_ollama_moved: bool,
    /// The real ollama, if it is installed.
    pub ollama: Option<PathBuf>,
    /// What Ollama's desktop app would give to its server; nothing under systemd, where there is none.
    pub app: AppSettings,
    /// The user that Ollama's installer makes.
    pub ollama_user: Option<User>,
    /// The user that the tap runs as in front of another Ollama.
    pub tap_user: Option<User>,
    /// The service's own directory is there.
    pub has_service_directory: bool,
    /// The user who installs, with or without sudo.
    pub installer: User,
    pub environment: Vec<(String, String)>,
}

impl HostState {
    pub fn gather(manager: ServiceManager) -> Result<HostState> {
        let executable = std::env::current_exe()
            .and_then(|path| platform::files::whole_path(&path))
            .map_err(failed("find our own executable"))?;
        let is_systemd = manager == ServiceManager::Systemd;
        let unit = installed::unit_or_rest(manager)?;
        let settings = installed::settings_text(manager)?;
        let installer = installer();
        Ok(HostState {
            manager,
            copy_target: copy_target(&executable, unit.as_deref()),
            unit,
            registered: Registered::find(manager)?,
            ollama_unit: is_systemd.then(ollama_unit::find).flatten(),
            is_ollama_moved: Path::new(ollama_unit::DROP_IN).exists()
                || Role::of_settings(&settings::read(&settings)) == Some(Role::OllamaService),
            settings,
            ollama: find_ollama(&installer),
            app: match manager {
                ServiceManager::Systemd => AppSettings::default(),
                _ => app_settings::read(&installer.home),
            },
            ollama_user: platform::users::user("ollama"),
            tap_user: platform::users::user(TAP_USER),
            has_service_directory: platform::folders::service_directory().exists(),
            installer,
            // A value that is not text cannot be written to the settings file either.
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            executable,
        })
    }

    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

fn copy_target(executable: &Path, unit: Option<&str>) -> CopyTarget {
    let is_copy = unit.is_some_and(|unit| unit.contains(COPIED) || unit.contains(PLIST_COPIED));
    if is_copy {
        return CopyTarget::Copy;
    }
    match fs::read(platform::folders::service_program()) {
        Err(_) => CopyTarget::Free,
        Ok(there) if fs::read(executable).is_ok_and(|ours| ours == there) => CopyTarget::Same,
        Ok(_) => CopyTarget::Other,
    }
}

/// The real ollama; sudo hides a user's own directories from PATH and HOME.
fn find_ollama(installer: &User) -> Option<PathBuf> {
    let of_user = installer.home.join(".local/bin/ollama");
    find::ollama(None)
        .ok()
        .or_else(|| find::ollama(Some(&of_user)).ok())
}

fn installer() -> User {
    let names = ["SUDO_USER", "DOAS_USER", "USER", "LOGNAME", "USERNAME"];
    let name = names
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "root".to_owned());
    platform::users::user(&name).unwrap_or_else(|| User {
        name: "root".to_owned(),
        home: PathBuf::from("/"),
    })
}

/// Returns whether the port can be bound.
pub fn is_free(host: &str, port: u16) -> bool {
    !matches!(TcpListener::bind((host, port)), Err(cause) if cause.kind() == ErrorKind::AddrInUse)
}

/// Lists the directories that are missing on the way to this one, the innermost first.
pub fn missing(directory: &Path) -> Vec<PathBuf> {
    directory
        .ancestors()
        .take_while(|path| !path.exists())
        .map(Path::to_owned)
        .collect()
}
