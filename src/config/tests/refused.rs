//! Values that are refused, and the messages.

use super::*;

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
fn a_header_with_a_secret_names_no_client() {
    for header in ["Authorization", "cookie", "two words", "x:", "é"] {
        let args = ProxyArgs {
            client_header: some(header),
            ..ProxyArgs::default()
        };
        let expected = format!(
            "bad value for --client-header: `{header}`; accepted: the name of a header that holds no secret"
        );
        assert_eq!(bad(&args, &[]), [expected]);
    }
}

#[test]
fn no_password_is_repeated_whatever_it_was_given_for() {
    const URLS: [&str; 4] = [
        "http://me:s3cret@gpu:1",
        "me:s3cret@gpu",
        "https://me:s3/cret@gpu/x",
        "http://s3cret@gpu",
    ];
    for url in URLS {
        is_not_repeated(url);
        let messages = bad(&ProxyArgs::default(), &[("OLLAMA_HOST", url)]);
        assert!(
            messages[0].contains("***@gpu")
                && messages[0].contains("clients send their own Authorization"),
            "{messages:?}"
        );
    }
}

#[test]
fn no_token_of_a_query_is_repeated() {
    for url in [
        "http://gpu:1/x?token=s3cret",
        "gpu:1/?s3cret",
        "http://?s3cret",
        "gpu:x?token=s3cret",
    ] {
        is_not_repeated(url);
    }
}

/// Whatever it is given for refuses this address, and keeps its secret to itself.
fn is_not_repeated(url: &str) {
    let others = ProxyArgs::default;
    for args in [
        ProxyArgs {
            upstream: some(url),
            ..others()
        },
        ProxyArgs {
            listen: some(url),
            ..others()
        },
        ProxyArgs {
            loki_url: some(url),
            analytics_backend: some("loki"),
            ..others()
        },
        ProxyArgs {
            workers: some(url),
            ..others()
        },
    ] {
        let messages = bad(&args, &[]);
        assert!(
            messages.len() == 1 && !messages[0].contains("s3"),
            "{url}: {messages:?}"
        );
    }
}
