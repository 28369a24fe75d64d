//! The settings that an installation writes into the settings file: what follows from who starts Ollama, then what the
//! environment says, then the flags. What none of them says stays as it was.

use std::path::{Path, PathBuf};

use super::host_state::HostState;
use super::layout::{FORMER_HISTORY, LOOPBACK};
use super::role::Role;
use super::settings::{self, Change, Changes, Values};
use crate::cli::InstallArgs;
use crate::config;
use crate::error::{Error, Result};
use crate::http::address::ListenAddress;
use crate::ollama::find;
use crate::ollama::port;
use crate::platform;
use crate::platform::service::ServiceManager;
use crate::util::sanitize::redact_address;

/// Names the directory of Ollama's models, if not below its home.
pub const MODELS: &str = "OLLAMA_MODELS";

/// The variables that Ollama reads beyond `OLLAMA_*`: the GPUs it may use, and proxies to other machines.
const OLLAMA_VARIABLES: [&str; 9] = [
    "CUDA_VISIBLE_DEVICES",
    "GGML_VK_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "HSA_OVERRIDE_GFX_VERSION",
    "ROCR_VISIBLE_DEVICES",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
];

/// Ours, which count as if they had been given as flags. Where Ollama is follows from who starts it.
const OF_TAP: [&str; 23] = [
    config::ENV_LISTEN,
    config::ENV_ADMIN_LISTEN,
    config::ENV_PROXY_PORT,
    config::ENV_WORKERS,
    config::ENV_SHUTDOWN_GRACE,
    config::ENV_IDLE_TIMEOUT,
    config::ENV_LOG_LEVEL,
    config::ENV_TRACK_EMBEDDINGS,
    config::ENV_METRICS_CATEGORY,
    config::ENV_CLIENT_HEADER,
    config::ENV_TOKEN,
    config::ENV_ANALYTICS_BACKEND,
    config::ENV_ANALYTICS_DIR,
    config::ENV_NAME,
    config::ENV_RETENTION_DAYS,
    config::ENV_STORE_TEXT,
    config::ENV_ANALYTICS_MAX_BYTES,
    config::ENV_LOKI_URL,
    config::ENV_LOKI_TOKEN,
    config::ENV_LOKI_USER,
    config::ENV_LOKI_PASSWORD,
    config::ENV_LOKI_TENANT,
    "SSL_CERT_FILE",
];

/// Lists the changes of the settings file.
pub fn changes(role: Role, args: &InstallArgs, host: &HostState, old: &Values) -> Result<Changes> {
    let mut changes = Changes::from([set(settings::COMMAND, role.command())]);
    changes.extend(of_defaults(role, host, old));
    changes.extend(of_role(role, args, host, old)?);
    changes.extend(of_environment(role, host)?);
    changes.extend(of_flags(args)?);
    match changes
        .iter()
        .find(|(_, value)| value.as_ref().is_some_and(|value| has_control_chars(value)))
    {
        Some((name, _)) => Err(Error::Usage(format!(
            "bad value for {name}: control characters; accepted: one line of text"
        ))),
        None => Ok(changes),
    }
}

fn has_control_chars(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn set(name: &str, value: impl Into<String>) -> Change {
    (name.to_owned(), Some(value.into()))
}

/// Lists the settings that follow from the role.
fn of_role(role: Role, args: &InstallArgs, host: &HostState, old: &Values) -> Result<Changes> {
    let backend_port = backend_port(args, host, old)?;
    let mut changes = Changes::new();
    match role {
        Role::External => changes.extend([(config::ENV_BACKEND_PORT.to_owned(), None)]),
        Role::OllamaService => {
            if !is_listen_set(host, old) {
                changes.extend([set(config::ENV_LISTEN, ollama_listens(host)?.to_string())]);
            }
            changes.extend([set(
                config::ENV_UPSTREAM,
                format!("{LOOPBACK}:{backend_port}"),
            )]);
            changes.extend([set(config::ENV_BACKEND_PORT, backend_port.to_string())]);
        }
        Role::Managed => {
            let was_proxy = old
                .get(settings::COMMAND)
                .is_some_and(|command| command == "proxy");
            changes.extend(was_proxy.then(|| (config::ENV_UPSTREAM.to_owned(), None)));
            // Else it is the next free one.
            let is_given =
                args.backend_port.is_some() || host.variable(config::ENV_BACKEND_PORT).is_some();
            changes
                .extend(is_given.then(|| set(config::ENV_BACKEND_PORT, backend_port.to_string())));
            changes.extend([set(config::ENV_OLLAMA, ollama(args, host, old)?)]);
            if !old.contains_key(MODELS) {
                changes.extend(models(host).map(|path| set(MODELS, path.to_string_lossy())));
            }
        }
    }
    Ok(changes)
}

/// The directory of the models, where the service would look elsewhere: that of Ollama's app, and on Windows the usual one, since
/// the service's account has a home of its own.
fn models(host: &HostState) -> Option<PathBuf> {
    let usual = || host.installer.home.join(".ollama").join("models");
    let is_elsewhere = host.manager == ServiceManager::Windows;
    host.app.models.clone().or_else(|| is_elsewhere.then(usual))
}

/// Lists settings of Ollama's app that the service would not have, as variables.
pub fn left_to_app(role: Role, host: &HostState, settings: &Values) -> Vec<String> {
    let is_missing = |name: &str| role == Role::Managed && !settings.contains_key(name);
    let others = host.app.others.iter().filter(|(name, _)| match *name {
        "OLLAMA_HOST" => is_missing(config::ENV_LISTEN) && is_missing(name),
        name => is_missing(name),
    });
    others
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// Writes down the places of a tap that has not been told others: what is installed stays there when a default changes.
pub fn of_defaults(role: Role, host: &HostState, old: &Values) -> Changes {
    let mut changes = Changes::new();
    let is_chosen =
        |directory: &String| host.manager != ServiceManager::Launchd || directory != FORMER_HISTORY;
    if !old.get(config::ENV_ANALYTICS_DIR).is_some_and(is_chosen) {
        changes.extend([set(
            config::ENV_ANALYTICS_DIR,
            platform::folders::service_history().to_string_lossy(),
        )]);
    }
    if role == Role::External && !is_listen_set(host, old) {
        changes.extend([set(config::ENV_LISTEN, default_listen(old).to_string())]);
    }
    changes
}

/// Returns where a tap in front of an Ollama elsewhere listens. Version 0.1.0 wrote it down nowhere: every interface of IPv4.
fn default_listen(old: &Values) -> ListenAddress {
    let mut listen = ListenAddress::proxy_default();
    if Role::of_settings(old) == Some(Role::External) {
        "0.0.0.0".clone_into(&mut listen.host);
    }
    listen
}

/// Returns whether the settings or the environment say where to listen.
fn is_listen_set(host: &HostState, old: &Values) -> bool {
    [config::ENV_LISTEN, config::ENV_PROXY_PORT]
        .iter()
        .any(|name| old.contains_key(*name) || host.variable(name).is_some())
}

/// Returns the address that Ollama's own service listens on without us.
fn ollama_listens(host: &HostState) -> Result<ListenAddress> {
    let host = host
        .ollama_unit
        .as_ref()
        .and_then(|unit| unit.host.clone())
        .unwrap_or_default();
    ListenAddress::from_ollama_host(&host)
        .map(|(listen, _)| listen)
        .map_err(|reason| {
            Error::Failed(format!(
                "read OLLAMA_HOST of Ollama's own service: `{}` {reason}",
                redact_address(&host)
            ))
        })
}

/// The ollama that the service will start.
fn ollama(args: &InstallArgs, host: &HostState, old: &Values) -> Result<String> {
    let named = args
        .ollama
        .as_deref()
        .or_else(|| host.variable(config::ENV_OLLAMA));
    let previous = old
        .get(config::ENV_OLLAMA)
        .map(PathBuf::from)
        .filter(|path| path.exists());
    let path = match named {
        Some(named) => Some(find::ollama(Some(Path::new(named)))?),
        None => previous.or_else(|| host.ollama.clone()),
    };
    let path = path.ok_or_else(|| {
        let ways = "install it (https://ollama.com/download), name it with --ollama, or tap one elsewhere with --upstream";
        Error::Failed(format!("find ollama: it is not installed here; {ways}"))
    })?;
    absolute(&path.to_string_lossy(), "--ollama")
}

/// The port of this machine's Ollama behind the tap.
pub fn backend_port(args: &InstallArgs, host: &HostState, old: &Values) -> Result<u16> {
    let now = args
        .backend_port
        .as_deref()
        .or_else(|| host.variable(config::ENV_BACKEND_PORT));
    let Some(text) = now.or(old.get(config::ENV_BACKEND_PORT).map(String::as_str)) else {
        return Ok(port::BACKEND_PORT);
    };
    let port = text.trim().parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| {
        Error::Usage(format!(
            "bad value for --backend-port: `{}`; accepted: a port from 1 to 65535",
            redact_address(text)
        ))
    })
}

/// Lists the variables of this environment that the service will not have: our settings, and Ollama's where we start it.
fn of_environment(role: Role, host: &HostState) -> Result<Changes> {
    let is_meant =
        |name: &str| OF_TAP.contains(&name) || (role == Role::Managed && is_of_ollama(name));
    let meant = host
        .environment
        .iter()
        .filter(|(name, value)| is_meant(name) && !value.trim().is_empty());
    let mut changes: Changes = meant.map(|(name, value)| set(name, value)).collect();
    if let Some(Some(directory)) = changes.get_mut(config::ENV_ANALYTICS_DIR) {
        *directory = absolute(directory, config::ENV_ANALYTICS_DIR)?;
    }
    Ok(changes)
}

/// Returns whether a variable is Ollama's own; ours begin with its name too.
fn is_of_ollama(name: &str) -> bool {
    let is_ours = name.starts_with("OLLAMA_TAP_")
        || [config::ENV_BACKEND_PORT, config::ENV_OLLAMA].contains(&name);
    OLLAMA_VARIABLES.contains(&name) || (name.starts_with("OLLAMA_") && !is_ours)
}

/// The settings that were given as flags.
fn of_flags(args: &InstallArgs) -> Result<Vec<Change>> {
    let directory = args
        .analytics_dir
        .as_deref()
        .map(|path| absolute(path, "--analytics-dir"))
        .transpose()?;
    let flags = [
        (config::ENV_LISTEN, &args.listen),
        (config::ENV_ADMIN_LISTEN, &args.admin_listen),
        (config::ENV_UPSTREAM, &args.upstream),
        (config::ENV_WORKERS, &args.workers),
        (config::ENV_SHUTDOWN_GRACE, &args.shutdown_grace),
        (config::ENV_IDLE_TIMEOUT, &args.idle_timeout),
        (config::ENV_LOG_LEVEL, &args.log_level),
        (config::ENV_TRACK_EMBEDDINGS, &args.track_embeddings),
        (config::ENV_METRICS_CATEGORY, &args.metrics_category),
        (config::ENV_CLIENT_HEADER, &args.client_header),
        (config::ENV_TOKEN, &args.token),
        (config::ENV_ANALYTICS_BACKEND, &args.analytics_backend),
        (config::ENV_ANALYTICS_DIR, &directory),
        (config::ENV_NAME, &args.name),
        (config::ENV_RETENTION_DAYS, &args.retention_days),
        (config::ENV_STORE_TEXT, &args.store_text),
        (config::ENV_LOKI_URL, &args.loki_url),
        (config::ENV_ANALYTICS_MAX_BYTES, &args.analytics_max_bytes),
    ];
    Ok(flags
        .into_iter()
        .filter_map(|(name, value)| Some(set(name, value.clone()?)))
        .collect())
}

/// The service runs in a directory of its own.
fn absolute(path: &str, name: &str) -> Result<String> {
    let absolute = std::path::absolute(path.trim())
        .map_err(|cause| Error::Usage(format!("bad value for {name}: `{path}`: {cause}")))?;
    Ok(absolute.to_string_lossy().into_owned())
}
