//! Precedence of settings, bad values, and the messages.

mod loki;
mod refused;
mod variables;

use std::collections::HashMap;

use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;

use super::*;
use crate::cli::ProxyArgs;
use crate::http::address::ListenAddress;

fn resolve(args: &ProxyArgs, env: &[(&str, &str)]) -> Result<Config, Vec<BadValue>> {
    let env: HashMap<&str, &str> = env.iter().copied().collect();
    Config::resolve(args, ListenAddress::proxy_default(), &|name| {
        env.get(name).map(|value| value.to_string())
    })
}

fn good(args: &ProxyArgs, env: &[(&str, &str)]) -> Config {
    resolve(args, env).unwrap_or_else(|bad| panic!("{bad:?}"))
}

fn bad(args: &ProxyArgs, env: &[(&str, &str)]) -> Vec<String> {
    match resolve(args, env) {
        Ok(_) => panic!("nothing was found wrong"),
        Err(bad) => bad.iter().map(BadValue::to_string).collect(),
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn nothing_given_means_the_documented_defaults() {
    let config = good(&ProxyArgs::default(), &[]);
    assert_eq!(config.listen.to_string(), "[::]:8000");
    assert_eq!(config.upstream.to_string(), "http://localhost:11434");
    assert_eq!(config.workers, 256);
    assert_eq!(config.shutdown_grace, Duration::from_secs(30));
    assert_eq!(config.idle_timeout, Some(Duration::from_secs(900)));
    assert_eq!(config.log_level, LevelFilter::Info);
    assert!(config.track_embeddings && config.metrics_category);
    assert_eq!((config.client_header, config.token), (None, None));
    assert!(config.warnings.is_empty());
    let history = HistoryConfig {
        backend: Backend::Jsonl,
        dir: PathBuf::from("./ollama_analytics"),
        dir_is_given: false,
        name: None,
        retention_days: Some(7),
        store_text: StoreText::Full,
        max_bytes: Some(10_737_418_240),
        loki: None,
    };
    assert_eq!(config.history, history);
}

#[test]
fn a_flag_wins_over_its_variable_and_a_variable_over_the_default() {
    let env = [
        ("OLLAMA_TAP_LISTEN", "127.0.0.1:1"),
        ("PROXY_PORT", "2"),
        ("OLLAMA_HOST", "gpu"),
        ("OLLAMA_TAP_WORKERS", "3"),
        ("OLLAMA_TAP_IDLE_TIMEOUT", "0"),
        ("LOG_LEVEL", "warning"),
        ("TRACK_EMBEDDINGS", "False"),
        ("OLLAMA_TAP_METRICS_CATEGORY", "false"),
        ("OLLAMA_TAP_CLIENT_HEADER", "X-User"),
        ("OLLAMA_TAP_TOKEN", "t0ken"),
        ("ANALYTICS_BACKEND", "loki"),
        ("LOKI_URL", "http://loki:3100"),
        ("ANALYTICS_RETENTION_DAYS", "0"),
    ];
    let config = good(&ProxyArgs::default(), &env);
    assert_eq!(config.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.upstream.to_string(), "http://gpu:11434");
    assert_eq!(
        (config.workers, config.idle_timeout, config.log_level),
        (3, None, LevelFilter::Warn)
    );
    assert!(!config.track_embeddings && !config.metrics_category);
    assert_eq!(config.token.as_deref(), Some("t0ken"));
    assert_eq!(config.client_header.as_deref(), Some("x-user"));
    assert_eq!(
        (config.history.backend, config.history.retention_days),
        (Backend::Loki, None)
    );
    assert_eq!(
        config.history.loki.unwrap().url.to_string(),
        "http://loki:3100"
    );

    let args = ProxyArgs {
        listen: some("[::1]:0"),
        upstream: some("https://example.com/ollama"),
        workers: some("4096"),
        idle_timeout: some("0.5"),
        log_level: some("debug"),
        analytics_backend: some("none"),
        analytics_max_bytes: some("0"),
        ..ProxyArgs::default()
    };
    let config = good(&args, &env);
    assert_eq!(config.listen.to_string(), "[::1]:0");
    assert_eq!(
        config.upstream.to_string(),
        "https://example.com:443/ollama"
    );
    assert_eq!(
        (config.workers, config.idle_timeout),
        (4096, Some(Duration::from_millis(500)))
    );
    assert_eq!(config.log_level, LevelFilter::Debug);
    assert_eq!(
        (config.history.backend, config.history.max_bytes),
        (Backend::None, None)
    );
}

#[test]
fn the_port_variable_moves_the_default_address_only() {
    assert_eq!(
        good(&ProxyArgs::default(), &[("PROXY_PORT", "9000")])
            .listen
            .to_string(),
        "[::]:9000"
    );
    assert_eq!(
        good(
            &ProxyArgs::default(),
            &[("PROXY_PORT", "9000"), ("OLLAMA_TAP_LISTEN", "::1")]
        )
        .listen
        .to_string(),
        "[::1]:8000"
    );
}

#[test]
fn an_empty_variable_is_unset_and_an_empty_flag_is_wrong() {
    let env = [
        ("OLLAMA_TAP_LISTEN", ""),
        ("OLLAMA_HOST", " "),
        ("OLLAMA_TAP_WORKERS", ""),
        ("OLLAMA_TAP_TOKEN", ""),
        ("LOKI_URL", ""),
    ];
    let config = good(&ProxyArgs::default(), &env);
    assert_eq!(
        (config.listen.port, config.upstream.port, config.workers),
        (8000, 11434, 256)
    );
    assert_eq!(config.token, None);

    let args = ProxyArgs {
        listen: some(""),
        upstream: some(""),
        token: some(""),
        analytics_dir: some(""),
        ..ProxyArgs::default()
    };
    assert_eq!(bad(&args, &[]).len(), 4);
}

#[test]
fn a_bad_port_in_ollamas_variable_warns_and_in_our_flag_is_wrong() {
    let config = good(&ProxyArgs::default(), &[("OLLAMA_HOST", "gpu:66000")]);
    assert_eq!(config.upstream.to_string(), "http://gpu:11434");
    assert_eq!(
        config.warnings,
        ["OLLAMA_HOST=`gpu:66000`: `66000` is not a port from 0 to 65535; 11434 is used"]
    );
    assert_eq!(
        bad(
            &ProxyArgs {
                upstream: some("gpu:66000"),
                ..ProxyArgs::default()
            },
            &[]
        )
        .len(),
        1
    );
}

#[test]
fn a_tilde_that_no_shell_has_expanded_warns() {
    let warnings = |value: &str| {
        let env = |name: &str| (name == "ANALYTICS_DIR").then(|| value.to_owned());
        let config = Config::resolve(&ProxyArgs::default(), ListenAddress::proxy_default(), &env)
            .unwrap_or_else(|bad| panic!("{bad:?}"));
        (config.history.dir, config.warnings)
    };
    let (dir, messages) = warnings("~/x");
    assert_eq!(dir, PathBuf::from("~/x"));
    assert!(
        messages.len() == 1 && messages[0].starts_with("ANALYTICS_DIR=`~/x`"),
        "{messages:?}"
    );
    assert!(warnings("/x~").1.is_empty());
}
