//! Secrets in addresses, wherever people put one: neither the terminal nor a log or a page repeats them.

use crate::harness::{Options, post, request};

const ADDRESSES: [&str; 6] = [
    "http://me:s3cret@gpu:1",
    "me:s3cret@gpu",
    "s3cret@gpu",
    "https://me:p/s3cret@gpu/x",
    "http://gpu/x?token=s3cret",
    "gpu:1/?token=s3cret",
];

/// What an address is given to, by right or by mistake.
const COMMANDS: [&[&str]; 20] = [
    &["proxy", "--listen"],
    &["proxy", "--admin-listen"],
    &["proxy", "--upstream"],
    &["proxy", "--loki-url"],
    &["proxy", "--workers"],
    &["proxy", "--upstraem"],
    &["proxy"],
    &["serve", "--listen"],
    &["serve", "--backend-port"],
    &["serve", "--loki-url"],
    &["demo", "--listen"],
    &["stats", "--listen"],
    &["search", "--listen"],
    &["top", "--listen"],
    &["why", "--listen"],
    &["health", "--listen"],
    &["service"],
    &["service", "install", "--dry-run", "--upstream"],
    &["service", "install", "--dry-run", "--backend-port"],
    &["tray", "--listen"],
];

const VARIABLES: [&str; 5] = [
    "OLLAMA_HOST",
    "OLLAMA_TAP_LISTEN",
    "OLLAMA_TAP_ADMIN_LISTEN",
    "PROXY_PORT",
    "LOKI_URL",
];

fn fails_without_the_secret(options: Options, what: &str) {
    let (code, stdout, stderr) = options.run();
    assert!(code != 0 && !stderr.is_empty(), "{what}: {code}");
    assert!(
        !stdout.contains("s3cret") && !stderr.contains("s3cret"),
        "{what}: {stdout}{stderr}"
    );
}

#[test]
fn a_secret_in_an_address_is_not_repeated_whatever_it_was_given_to() {
    for address in ADDRESSES {
        for words in COMMANDS {
            fails_without_the_secret(
                Options::bare(&[words, &[address]].concat()),
                &format!("{words:?} {address}"),
            );
        }
        for name in VARIABLES {
            fails_without_the_secret(
                Options::bare(&[
                    "proxy",
                    "--upstream",
                    "http://127.0.0.1:9",
                    "--workers",
                    "0",
                ])
                .env(name, address),
                &format!("{name}={address}"),
            );
        }
    }
}

#[test]
fn a_password_in_the_address_of_a_proxy_is_told_to_nobody() {
    let mut options = Options::bare(&["proxy", "--listen", "127.0.0.1:0", "--log-level", "DEBUG"])
        .args(&["--upstream", "http://127.0.0.1:9"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        options = options
            .env(name, "http://me:s3cret@127.0.0.1:9")
            .env(&name.to_ascii_lowercase(), "me:s3cret@127.0.0.1:9");
    }
    let tap = options.start();
    let mut said = tap
        .ask(
            "POST",
            post("/api/generate", r#"{"model":"m","prompt":"x"}"#),
        )
        .text();
    said += &tap
        .ask(
            "GET",
            request("GET", "http://me:s3cret@127.0.0.1/api/tags", &[], ""),
        )
        .text();
    for page in [
        "/test",
        "/metrics",
        "/healthz",
        "/analytics",
        "/analytics/stats",
        "/analytics/search",
        "/analytics/active",
    ] {
        said += &tap.get(page).text();
    }
    said += &tap.log();
    assert!(
        said.contains("127.0.0.1:9") && !said.contains("s3cret"),
        "{said}"
    );
}
