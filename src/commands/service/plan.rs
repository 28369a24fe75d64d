//! The plan of the service, decided from the flags and the state of the host before anything is touched.
//!
//! - `--upstream` was given, now or when it was installed: tap that Ollama, and leave this machine's alone
//! - Ollama is a service of its own: move it to the backend port, and tap it where it listened
//! - else: start Ollama ourselves, as the user whose models it shows

use std::fs;
use std::path::{Path, PathBuf};

use super::changes;
use super::host_state::{CopyTarget, HostState};
use super::layout::TAP_USER;
use super::role::Role;
use super::settings::{self, Values};
use super::step::Step;
use crate::cli::{InstallArgs, ProxyArgs, ServeArgs};
use crate::commands::report_bad_values;
use crate::config::{self, Config, ServeConfig};
use crate::error::{Error, Result};
use crate::http::address::ListenAddress;
use crate::platform;
use crate::platform::service::ServiceManager;
use crate::platform::users::User;

/// The service as it will be.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub role: Role,
    /// The executable that the service names.
    pub executable: PathBuf,
    pub copy_executable: bool,
    pub user: String,
    pub home: PathBuf,
    /// The settings file, whole.
    pub settings: String,
    pub backend_port: u16,
    /// The address that the tap will listen on.
    pub listen: ListenAddress,
    /// Directories outside the service's own that it writes to: the history's, and Ollama's.
    pub history: Option<PathBuf>,
    pub ollama_directories: Vec<PathBuf>,
    /// The time for streams to finish at the end (seconds).
    pub grace: u64,
}

impl Plan {
    /// Decides, or says all that is wrong.
    pub fn decide(args: &InstallArgs, host: &HostState) -> Result<Plan> {
        let old = settings::read(&host.settings);
        let role = Role::choose(args, host, &old);
        let settings =
            settings::changed(&host.settings, &changes::changes(role, args, host, &old)?);
        let now = settings::read(&settings);
        let config = check(role, args, &now)?;
        let backend_port = changes::backend_port(args, host, &old)?;
        if role == Role::OllamaService && config.listen.port == backend_port {
            let text = format!(
                "bad value for --backend-port: `{backend_port}` is the port that the tap listens on"
            );
            return Err(Error::Usage(format!(
                "{text}; accepted: another port from 1 to 65535"
            )));
        }
        let user = user(role, host);
        let (executable, copy_executable) = executable(host)?;
        Ok(Plan {
            role,
            executable,
            copy_executable,
            history: Some(config.history.dir)
                .filter(|directory| !directory.starts_with(platform::folders::service_directory())),
            ollama_directories: if role == Role::Managed {
                ollama_directories(&user, host, &now)
            } else {
                Vec::new()
            },
            user: user.name,
            home: user.home,
            settings,
            backend_port,
            listen: config.listen,
            grace: config.shutdown_grace.as_secs_f64().ceil() as u64,
        })
    }
}

fn user(role: Role, host: &HostState) -> User {
    match (role, host.manager) {
        (Role::Managed, ServiceManager::Systemd) => host
            .ollama_user
            .clone()
            .unwrap_or_else(|| host.installer.clone()),
        (Role::External | Role::OllamaService, ServiceManager::Systemd) => User {
            name: TAP_USER.to_owned(),
            home: platform::folders::service_directory(),
        },
        (_, ServiceManager::Windows) => User {
            name: platform::service::SERVICE_ACCOUNT.to_owned(),
            home: platform::folders::service_directory(),
        },
        (_, ServiceManager::Launchd) => host.installer.clone(),
    }
}

/// Ollama's own directory, and the models, wherever a link to them leads. On Windows the service's account has a directory of its
/// own, and the settings name the models of the user who installs.
fn ollama_directories(user: &User, host: &HostState, settings: &Values) -> Vec<PathBuf> {
    if host.manager == ServiceManager::Windows {
        return settings
            .get(changes::MODELS)
            .map(PathBuf::from)
            .into_iter()
            .collect();
    }
    let own = user.home.join(".ollama");
    let usual = fs::canonicalize(own.join("models"))
        .ok()
        .filter(|models| !models.starts_with(&own));
    let models = settings.get(changes::MODELS).map(PathBuf::from).or(usual);
    [own].into_iter().chain(models).collect()
}

/// Resolves the tap's settings as it will read them, or reports the bad values.
fn check(role: Role, args: &InstallArgs, values: &Values) -> Result<Config> {
    let get_env = |name: &str| values.get(name).cloned();
    let config = report_bad_values(Config::resolve(
        &ProxyArgs::from(args),
        ListenAddress::proxy_default(),
        &get_env,
    ))?;
    match role {
        Role::External | Role::OllamaService => Ok(config),
        Role::Managed => {
            let args = ServeArgs {
                backend_port: args.backend_port.clone(),
                ..ServeArgs::default()
            };
            report_bad_values(ServeConfig::resolve(&args, &get_env)).map(|config| config.tap)
        }
    }
}

/// Returns the executable that the service names, and whether it must be copied there. A copy of ours is kept up to date.
fn executable(host: &HostState) -> Result<(PathBuf, bool)> {
    let place = platform::folders::service_program();
    match host.copy_target {
        _ if is_stable(&host.executable) => Ok((host.executable.clone(), false)),
        CopyTarget::Free | CopyTarget::Copy => Ok((place, true)),
        CopyTarget::Same => Ok((place, false)),
        CopyTarget::Other => Err(Error::Failed(format!(
            "copy {} to {place}: a different program is there; install with that one (`{place} service install`), or remove it",
            host.executable.display(),
            place = place.display()
        ))),
    }
}

/// Returns whether a program will stay where it is, for all users to run.
pub fn is_stable(program: &Path) -> bool {
    platform::folders::program_places()
        .iter()
        .any(|place| program.starts_with(place))
}

/// The directory of the history.
pub fn history(settings: &str) -> PathBuf {
    let named = settings::read(settings).remove(config::ENV_ANALYTICS_DIR);
    named.map_or_else(platform::folders::service_history, PathBuf::from)
}

/// The steps that delete the history. That in the service's own directory goes with it; elsewhere there may be files of others,
/// so that only the tap's go.
pub fn purge_history(host: &HostState) -> Vec<Step> {
    let history = history(&host.settings);
    let words = [
        &*host.executable.to_string_lossy(),
        "purge",
        "--all",
        "--yes",
        "--analytics-dir",
        &history.to_string_lossy(),
    ];
    let home = platform::folders::service_directory();
    let elsewhere =
        (!history.starts_with(&home) && Path::exists(&history)).then(|| Step::attempt(&words));
    elsewhere
        .into_iter()
        .chain([Step::RemoveTree(home)])
        .collect()
}
