//! Runs what the service runs, in this terminal, as the service's user and with its settings.
//!
//! On Windows this process itself runs it, which the service control manager knows.

use std::ffi::OsStr;
use std::process::{Command, ExitCode};

use super::settings::{self, Values};
use super::{command, installed};
use crate::cli::{ProxyArgs, ServeArgs};
use crate::commands::{proxy, serve};
use crate::error::{Error, Result, failed};
use crate::logging;
use crate::platform;
use crate::platform::service::ServiceManager;
use crate::platform::users::User;

pub fn run(manager: ServiceManager) -> Result<ExitCode> {
    let values = settings::read(&installed::settings_text(manager)?);
    let command = command(&values)?;
    let executable =
        platform::process::own_executable().map_err(failed("find our own executable"))?;
    let mut process = match service_user(manager)?.filter(|_| platform::users::is_root()) {
        Some(user) => as_user(manager, &user, executable.as_os_str()),
        None => Command::new(executable),
    };
    process.arg(command).envs(&values);
    let home = platform::folders::service_directory();
    if home.is_dir() {
        process.current_dir(home);
    }
    Err(failed("run the service")(
        platform::process::become_program(&mut process),
    ))
}

/// Runs it as the service that Windows has started this process for; from a terminal, there.
pub fn run_as_service() -> Result<ExitCode> {
    let was_service = platform::service::live_as_service(|| match run_here() {
        Ok(_) => 0,
        Err(error) => {
            logging::start_if_needed();
            log::error!("{error}");
            1
        }
    });
    if was_service.map_err(failed("run the service"))? {
        Ok(ExitCode::SUCCESS)
    } else {
        run_here()
    }
}

/// Runs it in this process.
pub fn run_here() -> Result<ExitCode> {
    let values = settings::read(&installed::settings_text(ServiceManager::Windows)?);
    let command = command(&values)?;
    platform::process::set_variables(&values);
    match command {
        "serve" => serve::run(&ServeArgs::default()),
        _ => proxy::run(&ProxyArgs::default()),
    }
}

/// The settings say what is run; nothing else than these may be.
fn command(values: &Values) -> Result<&'static str> {
    let named = values
        .get(settings::COMMAND)
        .map(String::as_str)
        .unwrap_or_default();
    let known = ["proxy", "serve"]
        .into_iter()
        .find(|command| *command == named);
    known.ok_or_else(|| {
        Error::Failed(
            "run the service: it is not installed; `ollama-tap service install` does it, and `ollama-tap serve` or `ollama-tap proxy` is the same without a service"
                .to_owned(),
        )
    })
}

/// Returns the user of the installed service.
fn service_user(manager: ServiceManager) -> Result<Option<User>> {
    let Some(name) = installed::user(manager)? else {
        return Ok(None);
    };
    match platform::users::user(&name) {
        Some(user) => Ok(Some(user)),
        None => Err(Error::Failed(format!(
            "run the service: there is no user {name}"
        ))),
    }
}

/// Makes a command that runs as a user, with the groups that open the GPUs, and with a home, where Ollama looks for its models.
fn as_user(manager: ServiceManager, user: &User, executable: &OsStr) -> Command {
    let words: &[&str] = if manager == ServiceManager::Systemd {
        &["runuser"]
    } else {
        &["sudo", "--preserve-env"]
    };
    let mut command = command::command(words[0]);
    command
        .args(&words[1..])
        .args(["-u", &user.name, "--"])
        .arg(executable);
    command
        .env("HOME", &user.home)
        .env("USER", &user.name)
        .env("LOGNAME", &user.name);
    command
}
