//! The settings of a tap.

use std::time::Duration;

use log::LevelFilter;

use super::resolver::{Resolver, parse_bool, parse_client_header, parse_log_level, parse_workers};
use super::settings::{BadValue, HistoryConfig};
use super::variables::*;
use crate::cli::ProxyArgs;
use crate::http::address::{ListenAddress, Upstream};

/// The settings of a tap. Not `Debug`: it holds the token.
#[derive(Clone)]
pub struct Config {
    pub listen: ListenAddress,
    /// The address of our own pages, if not `listen`.
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
    /// The header that names a client, where it is not its User-Agent.
    pub client_header: Option<String>,
    pub token: Option<String>,
    pub history: HistoryConfig,
    /// Whether it leaves an instance file for those who look for a tap; one that ends with a command does not.
    pub is_registered: bool,
    /// Whether it notes where it writes, for questions from elsewhere: not where that ends with it.
    pub is_noted: bool,
    /// Warnings about values that were accepted but are hardly meant, for the log.
    pub warnings: Vec<String>,
}

impl Config {
    /// Resolves every setting of a tap that listens at `default` unless told otherwise, or reports all bad values.
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

    /// Reads the settings of every tap, whatever it listens on and forwards to.
    pub(super) fn read(
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
            client_header: resolver.read(
                ("--client-header", &args.client_header),
                ENV_CLIENT_HEADER,
                "the name of a header that holds no secret",
                parse_client_header,
            ),
            token: resolver.token(&args.token),
            history: resolver.history(args),
            is_registered: true,
            is_noted: true,
            warnings: std::mem::take(&mut resolver.warnings),
        }
    }
}
