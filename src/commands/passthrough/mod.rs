//! `ollama-tap WORD…`: a command of Ollama's, run by the real one with this terminal, through a tap.
//!
//! The server at the address where clients look for Ollama decides:
//!
//! - a tap: the command asks that one
//! - a tap elsewhere that left an instance file, in front of the Ollama that is there, or of any where there is none: the command asks that one
//! - a plain Ollama: a tap on a free port in front of it, for as long as the command runs
//! - none: Ollama, and a tap in its place, for as long as the command runs, and others that found it there (`shared_tap`)
//!
//! Such a tap prints nothing, because the terminal is the command's, unless `LOG_LEVEL` is set. After a command that asked a model,
//! one line says what surely went wrong (`findings`).

mod findings;
mod misspelt;
mod other_tap;
mod ready;
mod requirement;
mod shared_tap;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use log::LevelFilter;

use super::serve::TapAndOllama;
use super::{env_var, init_process, report_bad_values};
use crate::app::Tap;
use crate::cli::ServeArgs;
use crate::config::{
    Backend, BadValue, Config, ENV_ANALYTICS_DIR, ENV_LOG_LEVEL, ENV_UPSTREAM, ServeConfig,
};
use crate::error::{Error, Result, failed};
use crate::forward::readiness::Readiness;
use crate::http::address::{ListenAddress, Upstream};
use crate::ollama::occupant::Occupant;
use crate::ollama::port;
use crate::ollama::{clean_environment, find};
use crate::platform;
use crate::platform::terminal_command::TerminalCommand;
use crate::util::stderr;
use findings::FindingsWatch;
pub use misspelt::run_or_suggest;
use requirement::{Requirement, requirement};
use shared_tap::{Joined, SharedTap};

pub fn run(words: &[OsString]) -> Result<ExitCode> {
    let config = report_bad_values(settings())?;
    let program = find::ollama(config.ollama.as_deref())?;
    let requirement = requirement(words);
    let there = match requirement {
        Requirement::IsServer => None,
        Requirement::Nothing
        | Requirement::Server
        | Requirement::Model
        | Requirement::PermanentServer => config.client_url.clone(),
    };
    let occupant = match requirement {
        Requirement::IsServer | Requirement::Nothing => None,
        Requirement::Server | Requirement::Model | Requirement::PermanentServer => {
            Some(there.as_ref().map_or(Occupant::None, Occupant::probe))
        }
    };
    if let Some(tap) = occupant
        .as_ref()
        .filter(|_| !config.is_address_given)
        .and_then(|occupant| other_tap::find(occupant, there.as_ref()))
    {
        return run_through(tap, &config, &program, words, requirement);
    }
    match (occupant, there) {
        (Some(Occupant::Tap(_)), Some(there)) => {
            run_through(there, &config, &program, words, requirement)
        }
        (Some(Occupant::Ollama(version)), Some(there))
            if requirement == Requirement::PermanentServer =>
        {
            warn_untapped(
                "what this command sets up is not measured",
                &version,
                &there,
            );
            exec_ollama(&program, words, Some(there))
        }
        (Some(Occupant::Ollama(version)), Some(there)) => {
            warn_untapped("this command alone is measured", &version, &there);
            run_with_tap(there, config, &program, words, requirement)
        }
        (Some(_), there) if port::is_local_listen(&config.tap.listen) => {
            let session = Session::begin(config.tap.log_level)?;
            run_with_tap_and_ollama(&session, config, there, &program, words)
        }
        // Nothing to start, or nothing that we may start: Ollama's own message is as good as ours would be.
        (_, there) => exec_ollama(&program, words, there),
    }
}

/// The settings of `serve`, as far as variables give them.
fn settings() -> Result<ServeConfig, Vec<BadValue>> {
    let mut config = ServeConfig::resolve(&ServeArgs::default(), &env_var)?;
    if let Some(dir) = platform::folders::command_history().filter(|_| !is_set(ENV_ANALYTICS_DIR)) {
        config.tap.history.dir = dir;
    }
    if !is_set(ENV_LOG_LEVEL) {
        config.tap.log_level = LevelFilter::Off;
    }
    Ok(config)
}

fn is_set(name: &str) -> bool {
    env_var(name).is_some_and(|value| !value.trim().is_empty())
}

/// Warns of an Ollama without a tap, in one line.
fn warn_untapped(result: &str, version: &str, there: &Upstream) {
    let way_out = if there.is_loopback() {
        "stop it and start `ollama-tap serve`".to_owned()
    } else {
        format!("put `ollama-tap proxy --upstream {there}` in front of it")
    };
    stderr::say(format_args!(
        "ollama-tap: {result}: an Ollama {version} answers at {there} without a tap; to have everything measured, {way_out}"
    ));
}

/// The real command, asking the server `there`.
fn ollama(program: &Path, words: &[OsString], there: Option<Upstream>) -> Command {
    let mut command = Command::new(program);
    command.args(words);
    clean_environment(&mut command);
    command.env(find::DEPTH, (find::depth() + 1).to_string());
    if let Some(there) = there {
        command.env(ENV_UPSTREAM, there.to_string());
    }
    command
}

/// Leaves this process to the command: its terminal, signals and exit code are ours as they are.
fn exec_ollama(program: &Path, words: &[OsString], there: Option<Upstream>) -> Result<ExitCode> {
    let cause = platform::process::become_program(&mut ollama(program, words, there));
    Err(start_error(program, cause))
}

/// Runs the command through the tap that is there. Where it asks a model, this process stays to tell what went wrong, and where
/// another command started the tap, to have that one wait.
fn run_through(
    tap: Upstream,
    config: &ServeConfig,
    program: &Path,
    words: &[OsString],
    requirement: Requirement,
) -> Result<ExitCode> {
    let joined = shared_tap::join(tap.port);
    if matches!(joined, Joined::Ended) {
        return run(words);
    }
    ready::wait_behind(&tap)?;
    if matches!(joined, Joined::Lasting) && requirement != Requirement::Model {
        return exec_ollama(program, words, Some(tap));
    }
    let session = Session::begin(config.tap.log_level)?;
    session.run(program, words, tap, config.tap.token.clone())
}

fn start_error(program: &Path, cause: io::Error) -> Error {
    Error::Failed(format!("start {}: {cause}", program.display()))
}

/// Runs the command through a tap in front of the Ollama that is there.
fn run_with_tap(
    there: Upstream,
    config: ServeConfig,
    program: &Path,
    words: &[OsString],
    requirement: Requirement,
) -> Result<ExitCode> {
    let session = Session::begin(config.tap.log_level)?;
    let listen = ListenAddress {
        host: "127.0.0.1".to_owned(),
        port: 0,
    };
    // It is this command's alone, and so are its pages: another tap may have the port that was set for them.
    let mut settings = Config {
        listen,
        admin: None,
        upstream: there,
        is_registered: false,
        is_noted: false,
        ..config.tap
    };
    if requirement != Requirement::Model {
        settings.history.backend = Backend::None; // there will be no records
    }
    let tap = start_tap(&settings, Arc::new(Readiness::external()))?;
    let code = session.run(program, words, tap.address().into(), settings.token.clone());
    tap.drain(settings.shutdown_grace);
    code
}

/// Runs the command with an Ollama and a tap that are started for it, unless another command is faster.
fn run_with_tap_and_ollama(
    session: &Session,
    config: ServeConfig,
    there: Option<Upstream>,
    program: &Path,
    words: &[OsString],
) -> Result<ExitCode> {
    let (grace, token) = (config.tap.shutdown_grace, config.tap.token.clone());
    let shared = SharedTap::offer(config.tap.listen.port);
    let pair = match TapAndOllama::start(config.clone(), start_tap) {
        Ok(pair) => pair,
        Err(reason) => {
            let is_tap = |there: &Upstream| matches!(Occupant::probe(there), Occupant::Tap(_));
            let tap = there.filter(is_tap).ok_or(reason)?;
            let joined = shared_tap::join(tap.port);
            if matches!(joined, Joined::Ended) {
                return run_with_tap_and_ollama(session, config, Some(tap), program, words);
            }
            ready::wait_behind(&tap)?;
            return session.run(program, words, tap, token);
        }
    };
    let code = ready::wait_for_managed(&pair)
        .and_then(|()| session.run(program, words, pair.tap.address().into(), token));
    if let Some(shared) = &shared {
        shared.close(session.is_told_to_end());
    }
    pair.stop(grace);
    if let Some(shared) = shared {
        shared.remove();
    }
    code
}

/// Starts a tap that says nothing. Where its history cannot be written (another command may be at it), the command runs all the same.
fn start_tap(settings: &Config, readiness: Arc<Readiness>) -> Result<Tap> {
    let quietly = |line: &str| log::info!("{line}");
    let reason = match Tap::start(settings, readiness.clone(), quietly) {
        Err(reason) if settings.history.backend != Backend::None => reason,
        started => return started,
    };
    let mut unrecorded = settings.clone();
    unrecorded.history.backend = Backend::None;
    let tap = Tap::start(&unrecorded, readiness, quietly)?;
    stderr::say(format_args!(
        "ollama-tap: what this command does is measured and not recorded: {reason}"
    ));
    Ok(tap)
}

/// This process while it serves a command.
struct Session {
    command: Arc<TerminalCommand>,
}

impl Session {
    fn begin(log_level: LevelFilter) -> Result<Session> {
        init_process(log_level);
        let command = Arc::default();
        platform::process::leave_signals_to(Arc::clone(&command))
            .map_err(failed("wait for signals"))?;
        Ok(Session { command })
    }

    /// Whether somebody asked us to end.
    fn is_told_to_end(&self) -> bool {
        self.command.is_told_to_end.load(SeqCst)
    }

    /// Runs the command to its end, through the tap.
    fn run(
        &self,
        program: &Path,
        words: &[OsString],
        tap: Upstream,
        token: Option<String>,
    ) -> Result<ExitCode> {
        let watch = FindingsWatch::begin(tap.clone(), token);
        let mut running = self.command.id();
        let mut command = ollama(program, words, Some(tap));
        let mut command = platform::process::spawn_to_end_with_us(&mut command)
            .map_err(|cause| start_error(program, cause))?;
        *running = Some(command.id());
        drop(running);
        let status = command.wait();
        *self.command.id() = None;
        if let Some(watch) = watch {
            watch.end();
        }
        Ok(ExitCode::from(platform::process::exit_code(
            status.map_err(failed("wait for the command"))?,
        )))
    }
}
