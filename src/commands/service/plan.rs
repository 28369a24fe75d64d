//! PLAN: what the service will be, decided from the flags and the facts, before anything is touched.
//!
//! - `--upstream` was given, now or when it was installed: tap that Ollama, and leave this machine's alone
//! - Ollama is a service of its own: move it to the backend port, and tap it where it listened
//! - else: start Ollama ourselves, as the user whose models it shows

use std::fs;
use std::path::{Path, PathBuf};

use super::facts::{Facts, Place};
use super::settings::{self, Values};
use super::step::Step;
use super::wanted;
use crate::cli::{InstallArgs, ProxyArgs, ServeArgs};
use crate::commands::reported;
use crate::config::{self, Config, ServeConfig};
use crate::error::{Error, Result};
use crate::http::address::ListenAddress;
use crate::platform;
use crate::platform::service::ServiceManager;
use crate::platform::users::User;

/// The user that the tap runs as in front of another Ollama.
pub const TAP_USER: &str = "ollama-tap";

/// Who starts the Ollama that is tapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Somebody else, elsewhere.
    Elsewhere,
    /// Its own service, which moves aside.
    Beside,
    /// The tap.
    Serve,
}

/// What the service will be.
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
    /// Where the tap will listen.
    pub listen: ListenAddress,
    /// Directories outside the service's own that it writes to: the history's, and Ollama's.
    pub history: Option<PathBuf>,
    pub of_ollama: Vec<PathBuf>,
    /// How long streams may take to finish (seconds).
    pub grace: u64,
}

impl Role {
    pub fn command(self) -> &'static str {
        match self {
            Role::Elsewhere | Role::Beside => "proxy",
            Role::Serve => "serve",
        }
    }

    fn choose(args: &InstallArgs, facts: &Facts, old: &Values) -> Role {
        let was_proxy = old
            .get(settings::COMMAND)
            .is_some_and(|command| command == "proxy");
        let was_elsewhere = was_proxy && !old.contains_key(config::ENV_BACKEND_PORT);
        match &facts.ollama_unit {
            _ if args.upstream.is_some() || was_elsewhere => Role::Elsewhere,
            Some(_) => Role::Beside,
            None => Role::Serve,
        }
    }
}

impl Plan {
    /// Decides, or says all that is wrong.
    pub fn decide(args: &InstallArgs, facts: &Facts) -> Result<Plan> {
        let old = settings::read(&facts.settings);
        let role = Role::choose(args, facts, &old);
        let settings =
            settings::changed(&facts.settings, &wanted::changes(role, args, facts, &old)?);
        let now = settings::read(&settings);
        let config = check(role, args, &now)?;
        let backend_port = wanted::backend_port(args, facts, &old)?;
        if role == Role::Beside && config.listen.port == backend_port {
            let text = format!(
                "bad value for --backend-port: `{backend_port}` is the port that the tap listens on"
            );
            return Err(Error::Usage(format!(
                "{text}; accepted: another port from 1 to 65535"
            )));
        }
        let user = user(role, facts);
        let (executable, copy_executable) = executable(facts)?;
        Ok(Plan {
            role,
            executable,
            copy_executable,
            history: Some(config.history.dir)
                .filter(|directory| !directory.starts_with(platform::folders::service_home())),
            of_ollama: if role == Role::Serve {
                of_ollama(&user, facts, &now)
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

fn user(role: Role, facts: &Facts) -> User {
    match (role, facts.manager) {
        (Role::Serve, ServiceManager::Systemd) => facts
            .ollama_user
            .clone()
            .unwrap_or_else(|| facts.installer.clone()),
        (_, ServiceManager::Systemd) => User {
            name: TAP_USER.to_owned(),
            home: platform::folders::service_home(),
        },
        (_, ServiceManager::Windows) => User {
            name: platform::service::SERVICE_ACCOUNT.to_owned(),
            home: platform::folders::service_home(),
        },
        _ => facts.installer.clone(),
    }
}

/// Ollama's own directory, and the models, wherever a link to them leads. On Windows the service's account has a directory of its
/// own, and the settings name the models of whoever installs.
fn of_ollama(user: &User, facts: &Facts, settings: &Values) -> Vec<PathBuf> {
    if facts.manager == ServiceManager::Windows {
        return settings
            .get(wanted::MODELS)
            .map(PathBuf::from)
            .into_iter()
            .collect();
    }
    let own = user.home.join(".ollama");
    let usual = fs::canonicalize(own.join("models"))
        .ok()
        .filter(|models| !models.starts_with(&own));
    let models = settings.get(wanted::MODELS).map(PathBuf::from).or(usual);
    [own].into_iter().chain(models).collect()
}

/// The tap's settings as it will read them, or all that is wrong with them.
fn check(role: Role, args: &InstallArgs, values: &Values) -> Result<Config> {
    let get = |name: &str| values.get(name).cloned();
    let config = reported(Config::resolve(
        &ProxyArgs::from(args),
        ListenAddress::proxy_default(),
        &get,
    ))?;
    match role {
        Role::Elsewhere | Role::Beside => Ok(config),
        Role::Serve => {
            let args = ServeArgs {
                backend_port: args.backend_port.clone(),
                ..ServeArgs::default()
            };
            reported(ServeConfig::resolve(&args, &get)).map(|config| config.tap)
        }
    }
}

/// The executable that the service names, and whether it must be copied there. A copy of ours is kept up to date.
fn executable(facts: &Facts) -> Result<(PathBuf, bool)> {
    let place = platform::folders::service_program();
    match facts.place {
        _ if is_stable(&facts.executable) => Ok((facts.executable.clone(), false)),
        Place::Free | Place::Copy => Ok((place, true)),
        Place::Same => Ok((place, false)),
        Place::Other => Err(Error::Failed(format!(
            "copy {} to {place}: another one is there; install with that one (`{place} service install`), or remove it",
            facts.executable.display(),
            place = place.display()
        ))),
    }
}

/// Whether a program will stay where it is, for everybody to run.
pub fn is_stable(program: &Path) -> bool {
    platform::folders::program_places()
        .iter()
        .any(|place| program.starts_with(place))
}

/// The directory of the history.
pub fn history(settings: &str) -> PathBuf {
    let named = settings::read(settings).remove(config::ENV_ANALYTICS_DIR);
    named.map_or_else(platform::folders::service_directory, PathBuf::from)
}

/// The steps that delete the history. That in the service's own directory goes with it; elsewhere there may be files of others,
/// so that only the tap's go.
pub fn purge_history(facts: &Facts) -> Vec<Step> {
    let history = history(&facts.settings);
    let words = [
        &*facts.executable.to_string_lossy(),
        "purge",
        "--all",
        "--yes",
        "--analytics-dir",
        &history.to_string_lossy(),
    ];
    let home = platform::folders::service_home();
    let elsewhere =
        (!history.starts_with(&home) && Path::exists(&history)).then(|| Step::attempt(&words));
    elsewhere
        .into_iter()
        .chain([Step::RemoveTree(home)])
        .collect()
}
