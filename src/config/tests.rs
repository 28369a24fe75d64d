//! What wins, what is wrong, and how it is said.

use std::collections::HashMap;

use super::*;

fn resolve(args: &ProxyArgs, env: &[(&str, &str)]) -> Result<Config, Vec<BadValue>> {
    let env: HashMap<&str, &str> = env.iter().copied().collect();
    Config::resolve(args, Listen::beside_ollama(), &|name| env.get(name).map(|value| value.to_string()))
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
    assert_eq!(config.token, None);
    assert!(config.warnings.is_empty());
    let history = History {
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
        ("OLLAMA_TAP_TOKEN", "t0ken"),
        ("ANALYTICS_BACKEND", "loki"),
        ("LOKI_URL", "http://loki:3100"),
        ("ANALYTICS_RETENTION_DAYS", "0"),
    ];
    let config = good(&ProxyArgs::default(), &env);
    assert_eq!(config.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.upstream.to_string(), "http://gpu:11434");
    assert_eq!((config.workers, config.idle_timeout, config.log_level), (3, None, LevelFilter::Warn));
    assert!(!config.track_embeddings && !config.metrics_category);
    assert_eq!(config.token.as_deref(), Some("t0ken"));
    assert_eq!((config.history.backend, config.history.retention_days), (Backend::Loki, None));
    assert_eq!(config.history.loki.unwrap().url.to_string(), "http://loki:3100");

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
    assert_eq!(config.upstream.to_string(), "https://example.com:443/ollama");
    assert_eq!((config.workers, config.idle_timeout), (4096, Some(Duration::from_millis(500))));
    assert_eq!(config.log_level, LevelFilter::Debug);
    assert_eq!((config.history.backend, config.history.max_bytes), (Backend::None, None));
}

#[test]
fn the_port_variable_moves_the_default_address_only() {
    assert_eq!(good(&ProxyArgs::default(), &[("PROXY_PORT", "9000")]).listen.to_string(), "[::]:9000");
    assert_eq!(good(&ProxyArgs::default(), &[("PROXY_PORT", "9000"), ("OLLAMA_TAP_LISTEN", "::1")]).listen.to_string(), "[::1]:8000");
}

#[test]
fn an_empty_variable_is_unset_and_an_empty_flag_is_wrong() {
    let env = [("OLLAMA_TAP_LISTEN", ""), ("OLLAMA_HOST", " "), ("OLLAMA_TAP_WORKERS", ""), ("OLLAMA_TAP_TOKEN", ""), ("LOKI_URL", "")];
    let config = good(&ProxyArgs::default(), &env);
    assert_eq!((config.listen.port, config.upstream.port, config.workers), (8000, 11434, 256));
    assert_eq!(config.token, None);

    let args = ProxyArgs { listen: some(""), upstream: some(""), token: some(""), analytics_dir: some(""), ..ProxyArgs::default() };
    assert_eq!(bad(&args, &[]).len(), 4);
}

#[test]
fn a_bad_port_in_ollamas_variable_warns_and_in_our_flag_is_wrong() {
    let config = good(&ProxyArgs::default(), &[("OLLAMA_HOST", "gpu:66000")]);
    assert_eq!(config.upstream.to_string(), "http://gpu:11434");
    assert_eq!(config.warnings, ["OLLAMA_HOST=`gpu:66000`: `66000` is no port from 0 to 65535; 11434 is used"]);
    assert_eq!(bad(&ProxyArgs { upstream: some("gpu:66000"), ..ProxyArgs::default() }, &[]).len(), 1);
}

#[test]
fn the_loki_backend_needs_an_address_with_a_scheme() {
    let args = ProxyArgs { analytics_backend: some("loki"), ..ProxyArgs::default() };
    let text = "bad value for --loki-url: it is required by the backend loki; accepted: http://HOST:PORT or https://HOST:PORT";
    assert_eq!(bad(&args, &[]), [text]);
    assert_eq!(bad(&args, &[("LOKI_URL", "loki:3100")]).len(), 1);
}

#[test]
fn loki_is_told_what_the_variables_hold_and_nothing_of_it_is_shown() {
    let url = ("LOKI_URL", "https://gateway/tenant-7/loki/api/v1/push");
    let loki = |env: &[(&str, &str)]| good(&ProxyArgs::default(), &[&[url], env].concat()).history.loki.unwrap();
    assert_eq!((loki(&[]).url.to_string(), loki(&[]).auth == LokiAuth::None), ("https://gateway:443/tenant-7".to_owned(), true));
    assert!(loki(&[("LOKI_TOKEN", "s3cret")]).auth == LokiAuth::Bearer("s3cret".to_owned()));
    let basic = loki(&[("LOKI_USER", "me"), ("LOKI_PASSWORD", "pa:ss wörd"), ("LOKI_TENANT", "team|other")]);
    assert!(basic.auth == LokiAuth::Basic { user: "me".to_owned(), password: "pa:ss wörd".to_owned() });
    assert_eq!(format!("{basic:?}"), r#"https://gateway:443/tenant-7 (auth basic, tenant Some("team|other"))"#);
    assert!(!format!("{:?}", loki(&[("LOKI_TOKEN", "s3cret")])).contains("s3cret"));
    assert_eq!(good(&ProxyArgs::default(), &[("LOKI_TOKEN", "a b"), ("LOKI_PASSWORD", "x")]).history.loki, None);
}

#[test]
fn what_loki_cannot_be_told_is_wrong_and_not_shown() {
    let complaints = |env: &[(&str, &str)]| bad(&ProxyArgs::default(), &[&[("LOKI_URL", "http://loki:3100")], env].concat());
    assert_eq!(
        complaints(&[("LOKI_TOKEN", "t0ken"), ("LOKI_USER", "me")]),
        ["bad value for LOKI_TOKEN: `(not shown)` contradicts LOKI_USER; accepted: one of the two"]
    );
    assert_eq!(
        complaints(&[("LOKI_PASSWORD", "s3cret")]),
        ["bad value for LOKI_PASSWORD: `(not shown)` has no LOKI_USER beside it; accepted: both or none"]
    );
    for (name, value) in [("LOKI_TOKEN", "s3 cret"), ("LOKI_TENANT", "s3\ncret"), ("LOKI_USER", "s3:cret"), ("LOKI_TOKEN", "s3cretö")] {
        let said = complaints(&[(name, value)]);
        assert!(said.len() == 1 && said[0].starts_with(&format!("bad value for {name}: `(not shown)`")), "{said:?}");
    }
    let said = bad(&ProxyArgs::default(), &[("LOKI_URL", "http://me:s3cret@loki:3100")]);
    assert!(said[0].contains("LOKI_PASSWORD") && !said[0].contains("s3cret"), "{said:?}");
}

#[test]
fn everything_bad_is_reported_at_once_by_the_name_it_was_given_under() {
    let args = ProxyArgs {
        listen: some("nowhere at all"),
        workers: some("0"),
        shutdown_grace: some("-1"),
        token: some("two words"),
        retention_days: some("week"),
        ..ProxyArgs::default()
    };
    let env = [
        ("OLLAMA_HOST", "ftp://gpu"),
        ("OLLAMA_TAP_WORKERS", "7"),
        ("OLLAMA_TAP_IDLE_TIMEOUT", "inf"),
        ("LOG_LEVEL", "loud"),
        ("TRACK_EMBEDDINGS", "perhaps"),
        ("ANALYTICS_BACKEND", "tape"),
        ("ANALYTICS_STORE_TEXT", "some"),
        ("LOKI_URL", "loki"),
        ("ANALYTICS_MAX_BYTES", "10G"),
    ];
    let expected = [
        "bad value for --listen: `nowhere at all` (`nowhere at all` is neither an address nor a name); accepted: HOST:PORT, HOST, :PORT (every interface), PORT, or [IPV6]:PORT",
        "bad value for OLLAMA_HOST: `ftp://gpu` has the scheme `ftp`, which is neither http nor https; accepted: http://HOST:PORT, https://HOST:PORT, HOST:PORT or HOST",
        "bad value for --workers: `0`; accepted: a number from 1 to 4096",
        "bad value for --shutdown-grace: `-1`; accepted: a number of seconds",
        "bad value for OLLAMA_TAP_IDLE_TIMEOUT: `inf`; accepted: a number of seconds",
        "bad value for LOG_LEVEL: `loud`; accepted: DEBUG, INFO, WARNING or ERROR",
        "bad value for TRACK_EMBEDDINGS: `perhaps`; accepted: true or false",
        "bad value for --token: `(not shown)`; accepted: letters, digits and signs of ASCII, without spaces",
        "bad value for ANALYTICS_BACKEND: `tape`; accepted: jsonl, sqlite, loki or none",
        "bad value for --retention-days: `week`; accepted: a number of days up to 36500 (0 = for ever)",
        "bad value for ANALYTICS_STORE_TEXT: `some`; accepted: full, preview or none",
        "bad value for ANALYTICS_MAX_BYTES: `10G`; accepted: a number of bytes (0 = no limit)",
        "bad value for LOKI_URL: `loki`; accepted: http://HOST:PORT or https://HOST:PORT",
    ];
    assert_eq!(bad(&args, &env), expected);
    assert_eq!(
        bad(&ProxyArgs::default(), &[("PROXY_PORT", "65536")]),
        ["bad value for PROXY_PORT: `65536`; accepted: a port from 0 to 65535"]
    );
}

#[test]
fn a_tilde_that_no_shell_has_expanded_warns() {
    let warnings = |value: &str| {
        let env = |name: &str| (name == "ANALYTICS_DIR").then(|| value.to_owned());
        let config = Config::resolve(&ProxyArgs::default(), Listen::beside_ollama(), &env).unwrap_or_else(|bad| panic!("{bad:?}"));
        (config.history.dir, config.warnings)
    };
    let (dir, told) = warnings("~/x");
    assert_eq!(dir, PathBuf::from("~/x"));
    assert!(told.len() == 1 && told[0].starts_with("ANALYTICS_DIR=`~/x`"), "{told:?}");
    assert!(warnings("/x~").1.is_empty());
}

#[test]
fn no_password_is_repeated_whatever_it_was_given_for() {
    const URLS: [&str; 4] = ["http://me:s3cret@gpu:1", "me:s3cret@gpu", "https://me:s3/cret@gpu/x", "http://s3cret@gpu"];
    for url in URLS {
        let flags = [
            ProxyArgs { upstream: some(url), ..ProxyArgs::default() },
            ProxyArgs { listen: some(url), ..ProxyArgs::default() },
            ProxyArgs { loki_url: some(url), analytics_backend: some("loki"), ..ProxyArgs::default() },
            ProxyArgs { workers: some(url), ..ProxyArgs::default() },
        ];
        for args in flags {
            let said = bad(&args, &[]);
            assert!(said.len() == 1 && !said[0].contains("s3"), "{url}: {said:?}");
        }
        let said = bad(&ProxyArgs::default(), &[("OLLAMA_HOST", url)]);
        assert!(said[0].contains("***@gpu") && said[0].contains("clients send their own Authorization"), "{said:?}");
    }
}
