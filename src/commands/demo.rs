//! `ollama-tap demo`: a tap in front of a stand-in for Ollama that is part of this process, to try everything with no model.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::{env_var, init_process, report_bad_values, stop_signals};
use crate::app::{self, Tap};
use crate::cli::{DemoArgs, ProxyArgs};
use crate::config::{Backend, Config, ENV_ANALYTICS_DIR};
use crate::demo::traffic::Traffic;
use crate::demo::{MODELS, fake_ollama};
use crate::error::{Result, failed};
use crate::forward::readiness::Readiness;
use crate::http::address::ListenAddress;
use crate::http::agent::addresses;
use crate::ollama::port::by_holder;
use crate::server;
use crate::util::stderr;

/// The attempts to remove a directory while the history still writes into it.
const REMOVAL_ATTEMPTS: usize = 100;

pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    let mut config = report_bad_values(Config::resolve(
        &proxy_args(args),
        ListenAddress::serve_default(),
        &env_var,
    ))?;
    init_process(config.log_level);
    let temporary = temporary_history(args, &mut config)?;
    let place = temporary.as_ref().map(|history| history.0.clone());
    let stopped = stop_signals(move || {
        if let Some(place) = &place {
            remove(place);
        }
    })?;
    config.upstream = fake_ollama::start()?;
    make_room(args, &mut config);
    let tap = Tap::start(&config, Arc::new(Readiness::external()), app::announce)?;
    introduce(&tap, temporary.is_some());
    let traffic = args
        .traffic
        .then(|| Traffic::start(tap.address()))
        .transpose()
        .map_err(failed("start the demo's traffic"))?;
    let _ = stopped.recv();
    if let Some(traffic) = traffic {
        traffic.stop();
    }
    tap.drain(config.shutdown_grace);
    Ok(ExitCode::SUCCESS)
}

/// Makes the stand-in the only upstream, also where the environment names another.
fn proxy_args(args: &DemoArgs) -> ProxyArgs {
    ProxyArgs {
        upstream: Some("127.0.0.1".to_owned()),
        ..args.into()
    }
}

/// The directory of a history that is removed with all that is in it when this is dropped.
struct TemporaryHistory(PathBuf);

impl Drop for TemporaryHistory {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Makes a directory for the history; none where one was named or none is needed.
fn temporary_history(args: &DemoArgs, config: &mut Config) -> Result<Option<TemporaryHistory>> {
    let is_named = args.analytics_dir.is_some()
        || std::env::var(ENV_ANALYTICS_DIR).is_ok_and(|dir| !dir.trim().is_empty());
    if is_named || matches!(config.history.backend, Backend::Loki | Backend::None) {
        return Ok(None);
    }
    let operation =
        "make a temporary directory for the demo's history (name one with --analytics-dir)";
    let dir = tempfile::Builder::new()
        .prefix("ollama-tap-demo-")
        .tempdir()
        .map_err(failed(operation))?
        .keep();
    config.history.dir = dir.join("ollama_analytics");
    config.is_noted = false;
    Ok(Some(TemporaryHistory(dir)))
}

/// Removes the history, to which a thread of the tap may be adding a file at this moment.
fn remove(place: &Path) {
    for _ in 0..REMOVAL_ATTEMPTS {
        match std::fs::remove_dir_all(place) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => {}
            Ok(()) | Err(_) => return,
        }
    }
}

/// Chooses a free port where the default one is taken, unless a flag names an address.
fn make_room(args: &DemoArgs, config: &mut Config) {
    let default = ListenAddress::serve_default();
    let wanted = addresses(&default.host, default.port).unwrap_or_default();
    if args.listen.is_some() || config.listen != default || server::bind(&wanted).is_ok() {
        return;
    }
    let holder = by_holder(default.port);
    stderr::say(format_args!(
        "{default} is taken{holder}: the demo takes a free port"
    ));
    config.listen.port = 0;
}

/// Prints what there is to try.
fn introduce(tap: &Tap, is_temporary: bool) {
    let (address, pages) = (tap.address(), tap.pages_address());
    let models: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
    // Questions from a terminal look for a tap at the default address by themselves, and ask which one is meant where there are more.
    let place = if address.to_string() == ListenAddress::serve_default().to_string() {
        String::new()
    } else {
        format!(" --listen {pages}")
    };
    let fate = if is_temporary {
        "; its records are deleted at the end"
    } else {
        ""
    };
    stderr::say(format_args!(
        "this is a demo: a built-in stand-in answers in ollama's place, and no model is asked{fate}"
    ));
    stderr::say(format_args!("  models      {}", models.join(", ")));
    stderr::say(format_args!(
        "  talk        curl http://{address}/api/generate -d '{{\"model\":\"demo-chat\",\"prompt\":\"Why is the sky blue?\"}}'"
    ));
    stderr::say(format_args!("  metrics     curl http://{pages}/metrics"));
    stderr::say(format_args!("  search      ollama-tap search sky{place}"));
    stderr::say(format_args!("  statistics  ollama-tap stats{place}"));
    stderr::say(format_args!("  troubles    ollama-tap why{place}"));
    stderr::say(format_args!("  browser     http://{pages}/analytics"));
    stderr::say("Ctrl-C ends it");
}
