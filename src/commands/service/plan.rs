//! The plan of the service, decided from the flags and the state of the host before anything is touched.
//!
//! - `--upstream` was given, now or when it was installed: tap that Ollama, and leave this machine's alone
//! - Ollama is a service of its own: move it to the backend port, and tap it where it listened
//! - else: start Ollama ourselves, as the user whose models it shows

use std::fs;
use std::path::{Path, PathBuf};

use super::changes;
use super::executable;
use super::host_state::HostState;
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
    pub start: Start,
}

/// What becomes of the service once it is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It starts now, and at every boot.
    Enable,
    /// It starts again; whether it does at boot stays as it was.
    Again,
    /// It stays stopped, as somebody left it.
    No,
}

impl Plan {
    /// Decides, or says all that is wrong.
    pub fn decide(args: &InstallArgs, host: &HostState) -> Result<Plan> {
        let old = settings::read(&host.settings);
        let role = Role::choose(args, host, &old);
        let changes = changes::changes(role, args, host, &old)?;
        let settings = settings::changed(&host.settings, &changes);
        Plan::make(role, args, settings, user(role, host), host)
    }

    /// The plan of what is installed, by the settings file alone: for an executable that took the place of an older one.
    pub fn keep(host: &HostState) -> Result<Plan> {
        let registered = host
            .registered
            .as_ref()
            .ok_or_else(|| not_kept("it is not installed; `ollama-tap service install` does it"))?;
        let old = settings::read(&host.settings);
        let role = Role::of_settings(&old).ok_or_else(|| {
            not_kept(
                "its settings do not say what it runs; `ollama-tap service install` writes them",
            )
        })?;
        let settings = settings::changed(&host.settings, &changes::of_defaults(role, host, &old));
        let user = registered.user.clone().unwrap_or_else(|| user(role, host));
        let plan = Plan::make(role, &InstallArgs::default(), settings, user, host)?;
        if executable::lasting(&registered.executable) != plan.executable {
            return Err(not_kept(&format!(
                "it runs {}, and this is {}; use that one, or `ollama-tap service install` to have it run this one",
                registered.executable.display(),
                host.executable.display()
            )));
        }
        let start = if registered.is_started {
            Start::Again
        } else {
            Start::No
        };
        Ok(Plan { start, ..plan })
    }

    fn make(
        role: Role,
        args: &InstallArgs,
        settings: String,
        user: User,
        host: &HostState,
    ) -> Result<Plan> {
        let now = settings::read(&settings);
        let config = check(role, args, &now)?;
        let backend_port = changes::backend_port(args, host, &now)?;
        if role == Role::OllamaService && config.listen.port == backend_port {
            return Err(Error::Usage(format!(
                "bad value for --backend-port: `{backend_port}` is the port that the tap listens on; accepted: another port from 1 to 65535"
            )));
        }
        let (executable, copy_executable) = executable::choose(host)?;
        Ok(Plan {
            role,
            executable,
            copy_executable,
            history: Some(config.history.dir)
                .filter(|directory| !directory.starts_with(platform::folders::service_directory())),
            ollama_directories: match role {
                Role::Managed => ollama_directories(&user, host, &now),
                Role::External | Role::OllamaService => Vec::new(),
            },
            user: user.name,
            home: user.home,
            settings,
            backend_port,
            listen: config.listen,
            grace: config.shutdown_grace.as_secs_f64().ceil() as u64,
            start: Start::Enable,
        })
    }
}

fn not_kept(reason: &str) -> Error {
    Error::Failed(format!("keep the service: {reason}"))
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
