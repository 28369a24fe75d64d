//! Resolver as the program needs them: flag over variable over default, everything checked, every bad value reported at once.
//!
//! Variables are read through a function that is passed in, so that a test gives a map. A variable that is set but empty
//! counts as unset (compose files and unit files leave such behind); spaces around a value do not count.

mod loki;
mod query;
mod resolver;
mod serve;
pub mod test_overrides;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;

use crate::cli::ProxyArgs;
use crate::http::address::{ListenAddress, Upstream};
pub use loki::{LokiAuth, LokiSettings};
pub use query::{HistoryLocation, QueryConfig};
pub use resolver::is_token;
use resolver::{Resolver, parse_bool, parse_log_level, parse_workers};
pub use serve::ServeConfig;

/// Address to listen on (`ListenAddress::FORMS`). Unset or empty: `PROXY_PORT`, else [::]:8000.
pub const ENV_LISTEN: &str = "OLLAMA_TAP_LISTEN";
/// Address of our own pages (`ListenAddress::FORMS`). Unset or empty: they are on the port that is listened on.
pub const ENV_ADMIN_LISTEN: &str = "OLLAMA_TAP_ADMIN_LISTEN";
/// Port to listen on. Unset or empty: the default address as it is.
pub const ENV_PROXY_PORT: &str = "PROXY_PORT";
/// Address of Ollama, by Ollama's rules: where `proxy` asks it (`Upstream::parse`), and where `serve` answers in its place
/// (`ListenAddress::from_ollama_host`). Unset or empty: http://localhost:11434.
pub const ENV_UPSTREAM: &str = "OLLAMA_HOST";
/// Port of the Ollama that `serve` starts. Unset or empty: 11435, or the next that is free.
pub const ENV_BACKEND_PORT: &str = "OLLAMA_BACKEND_PORT";
/// The ollama that `serve` starts. Unset or empty: the one on PATH, else in its usual places.
pub const ENV_OLLAMA: &str = "OLLAMA_EXECUTABLE_PATH";
/// Requests forwarded at the same time. Unset or empty: 256.
pub const ENV_WORKERS: &str = "OLLAMA_TAP_WORKERS";
/// Seconds for streams to finish after the first signal. Unset or empty: 30.
pub const ENV_SHUTDOWN_GRACE: &str = "OLLAMA_TAP_SHUTDOWN_GRACE";
/// Seconds until a client that does nothing is dropped, 0 for never. Unset or empty: 900.
pub const ENV_IDLE_TIMEOUT: &str = "OLLAMA_TAP_IDLE_TIMEOUT";
/// DEBUG, INFO, WARNING or ERROR. Unset or empty: INFO.
pub const ENV_LOG_LEVEL: &str = "LOG_LEVEL";
/// Whether embedding requests count in `ollama_*` metrics. Unset or empty: true.
pub const ENV_TRACK_EMBEDDINGS: &str = "TRACK_EMBEDDINGS";
pub const ENV_METRICS_CATEGORY: &str = "OLLAMA_TAP_METRICS_CATEGORY";
/// Bearer token for /analytics. Unset or empty: none, this machine only.
pub const ENV_TOKEN: &str = "OLLAMA_TAP_TOKEN";
/// jsonl, sqlite, loki or none. Unset or empty: jsonl.
pub const ENV_ANALYTICS_BACKEND: &str = "ANALYTICS_BACKEND";
/// Directory of the history. Unset or empty: ./ollama_analytics.
pub const ENV_ANALYTICS_DIR: &str = "ANALYTICS_DIR";
/// Days that the history is kept, 0 for ever. Unset or empty: 7.
pub const ENV_RETENTION_DAYS: &str = "ANALYTICS_RETENTION_DAYS";
/// full, preview or none. Unset or empty: full.
pub const ENV_STORE_TEXT: &str = "ANALYTICS_STORE_TEXT";
/// Address of Loki. Unset or empty: none, which the backend `loki` does not accept.
pub const ENV_LOKI_URL: &str = "LOKI_URL";
/// Bearer token for Loki. Unset or empty: none.
pub const ENV_LOKI_TOKEN: &str = "LOKI_TOKEN";
/// Name for Loki's basic authentication. Unset or empty: none.
pub const ENV_LOKI_USER: &str = "LOKI_USER";
/// The password that goes with `LOKI_USER`. Unset or empty: an empty one.
pub const ENV_LOKI_PASSWORD: &str = "LOKI_PASSWORD";
/// `X-Scope-OrgID` for a Loki with tenants. Unset or empty: none.
pub const ENV_LOKI_TENANT: &str = "LOKI_TENANT";
/// What this tap's machine is called in the history. Unset or empty: the host's name.
pub const ENV_NAME: &str = "OLLAMA_TAP_NAME";
/// Bytes that the history may take on disk, 0 for no limit. Unset or empty: 10 GiB.
pub const ENV_ANALYTICS_MAX_BYTES: &str = "ANALYTICS_MAX_BYTES";

/// Ours alone: no process that we start gets them.
pub const SECRETS: [&str; 6] = [
    ENV_TOKEN,
    ENV_LOKI_URL,
    ENV_LOKI_TOKEN,
    ENV_LOKI_USER,
    ENV_LOKI_PASSWORD,
    ENV_LOKI_TENANT,
];

/// What a tap runs with. Not `Debug`: it holds the token.
#[derive(Clone)]
pub struct Config {
    pub listen: ListenAddress,
    /// Where our own pages are, if not on `listen`.
    pub admin: Option<ListenAddress>,
    pub upstream: Upstream,
    pub workers: usize,
    pub shutdown_grace: Duration,
    /// `None`: clients may idle for ever.
    pub idle_timeout: Option<Duration>,
    pub log_level: LevelFilter,
    pub track_embeddings: bool,
    /// Metrics tell prompts apart by their category.
    pub metrics_category: bool,
    pub token: Option<String>,
    pub history: HistoryConfig,
    /// Whether those who look for a tap are told of this one: not of one that ends with a command.
    pub is_registered: bool,
    /// What was accepted but is hardly meant, for the log.
    pub warnings: Vec<String>,
}

/// Resolver of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryConfig {
    pub backend: Backend,
    pub dir: PathBuf,
    /// Somebody said where; else `dir` is the usual place.
    pub dir_is_given: bool,
    /// What the machine is called in it; `None`: as it calls itself.
    pub name: Option<String>,
    /// `None`: for ever.
    pub retention_days: Option<u32>,
    pub store_text: StoreText,
    /// `None`: no limit.
    pub max_bytes: Option<u64>,
    /// Always there when `backend` is `Loki`.
    pub loki: Option<LokiSettings>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Jsonl,
    Sqlite,
    Loki,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreText {
    Full,
    Preview,
    None,
}

/// A value that cannot be used. `Display` is the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// The flag or the variable that gave it.
    pub name: &'static str,
    /// As it was given; never a secret.
    pub value: String,
    /// What is wrong with it, where there is more to say than what is accepted.
    pub why: Option<String>,
    pub accepted: &'static str,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.value.as_str() {
            "" if self.why.is_some() => write!(f, "bad value for {}: it", self.name)?,
            value => write!(f, "bad value for {}: `{value}`", self.name)?,
        }
        if let Some(why) = &self.why {
            write!(f, " {why}")?;
        }
        write!(f, "; accepted: {}", self.accepted)
    }
}

impl Config {
    /// Resolves every setting of a tap that listens at `default` unless told otherwise, or says all that is wrong.
    pub fn resolve(
        args: &ProxyArgs,
        default: ListenAddress,
        get_env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Config, Vec<BadValue>> {
        let mut resolver = Resolver {
            get_env,
            bad: Vec::new(),
            warnings: Vec::new(),
        };
        let listen = resolver.listen(&args.listen, default);
        let upstream = resolver.upstream(&args.upstream);
        let config = Config::read(&mut resolver, args, listen, upstream);
        if resolver.bad.is_empty() {
            Ok(config)
        } else {
            Err(resolver.bad)
        }
    }

    /// Reads what every tap is told, whatever it listens on and forwards to.
    fn read(
        resolver: &mut Resolver,
        args: &ProxyArgs,
        listen: ListenAddress,
        upstream: Upstream,
    ) -> Config {
        Config {
            admin: resolver.admin(&args.admin_listen, &listen),
            listen,
            upstream,
            workers: resolver
                .read(
                    ("--workers", &args.workers),
                    ENV_WORKERS,
                    "a number from 1 to 4096",
                    parse_workers,
                )
                .unwrap_or(256),
            shutdown_grace: resolver.seconds(
                ("--shutdown-grace", &args.shutdown_grace),
                ENV_SHUTDOWN_GRACE,
                30,
            ),
            idle_timeout: Some(resolver.seconds(
                ("--idle-timeout", &args.idle_timeout),
                ENV_IDLE_TIMEOUT,
                900,
            ))
            .filter(|t| !t.is_zero()),
            log_level: resolver
                .read(
                    ("--log-level", &args.log_level),
                    ENV_LOG_LEVEL,
                    "DEBUG, INFO, WARNING or ERROR",
                    parse_log_level,
                )
                .unwrap_or(LevelFilter::Info),
            track_embeddings: resolver
                .read(
                    ("--track-embeddings", &args.track_embeddings),
                    ENV_TRACK_EMBEDDINGS,
                    "true or false",
                    parse_bool,
                )
                .unwrap_or(true),
            metrics_category: resolver
                .read(
                    ("--metrics-category", &args.metrics_category),
                    ENV_METRICS_CATEGORY,
                    "true or false",
                    parse_bool,
                )
                .unwrap_or(true),
            token: resolver.token(&args.token),
            history: resolver.history(args),
            is_registered: true,
            warnings: std::mem::take(&mut resolver.warnings),
        }
    }
}

#[cfg(test)]
mod tests;
