//! A password or a token in an address is never printed, by the script or by what it calls.

use super::machine::Machine;
use super::site::Site;
use super::tools::{TOOLS, can_run, fetchers};

const SECRET: &str = "s3cr3t";

/// Addresses with a secret, at which nobody answers.
const ADDRESSES: [&str; 8] = [
    "https://me:s3cr3t@127.0.0.1:1",
    "https://me:p@s3cr3t@127.0.0.1:1/x",
    "https://me:s3cr3t@x@127.0.0.1:1/x",
    "https://s3cr3t@127.0.0.1:1",
    "https://me:p/s3cr3t@127.0.0.1:1",
    "https://127.0.0.1:1/x?token=s3cr3t",
    "https://127.0.0.1:1/x?a=s3cr3t&token=s3cr3t",
    "http://me:s3cr3t@127.0.0.1:1",
];

/// A machine with this way to download alone.
fn machine(tool: &str, body: &str) -> Machine {
    let machine = Machine::new().only(&[&TOOLS[..], &["openssl"]].concat());
    machine.tool(tool, body);
    machine
}

#[test]
fn no_secret_of_an_address_is_printed() {
    if !can_run() {
        return;
    }
    for (tool, body) in fetchers() {
        for address in ADDRESSES {
            let ran = machine(tool, &body)
                .run(&["--base-url", address])
                .badly("***");
            assert!(!ran.said.contains(SECRET), "{body} {address}: {}", ran.said);
        }
    }
    for args in [
        &["--base-url", "https://me:pass s3cr3t@host"][..],
        &["--base-url", "ftp://me:s3cr3t@host"],
        &["--baseurl=https://me:s3cr3t@host"],
    ] {
        let ran = Machine::new().run(args);
        assert_eq!(ran.code, Some(2), "{}", ran.said);
        assert!(!ran.said.contains(SECRET), "{}", ran.said);
    }
}

#[test]
fn no_secret_of_a_proxy_is_printed() {
    if !can_run() {
        return;
    }
    for (tool, body) in fetchers() {
        for proxy in [
            "http://me:s3cr3t@127.0.0.1:1",
            "http://me:p@s3cr3t@127.0.0.1:1",
            "http://me:s3cr3t@no-such-host.invalid:1",
            "http://me:s3cr3t@x@no-such-host.invalid:1",
        ] {
            let machine = machine(tool, &body)
                .env("HTTPS_PROXY", proxy)
                .env("https_proxy", proxy);
            let ran = machine
                .run(&["--base-url", "https://127.0.0.2:1"])
                .badly("cannot download");
            assert!(!ran.said.contains(SECRET), "{body} {proxy}: {}", ran.said);
        }
    }
}

#[test]
fn a_token_behind_the_question_mark_goes_along_with_every_file() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    site.asks_for("token=s3cr3t");
    let address = format!("{}?token=s3cr3t", site.url());
    let ran = Machine::new().run(&["--base-url", &address]).well();
    assert!(!ran.said.contains(SECRET), "{}", ran.said);
}
