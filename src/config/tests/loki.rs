//! Settings that reach Loki, and secrets that are not shown.

use super::*;

#[test]
fn the_loki_backend_needs_an_address_with_a_scheme() {
    let args = ProxyArgs {
        analytics_backend: some("loki"),
        ..ProxyArgs::default()
    };
    let text = "bad value for --loki-url: it is required by the backend loki; accepted: http://HOST:PORT or https://HOST:PORT";
    assert_eq!(bad(&args, &[]), [text]);
    assert_eq!(bad(&args, &[("LOKI_URL", "loki:3100")]).len(), 1);
}

#[test]
fn loki_is_told_what_the_variables_hold_and_nothing_of_it_is_shown() {
    let url = ("LOKI_URL", "https://gateway/tenant-7/loki/api/v1/push");
    let loki = |env: &[(&str, &str)]| {
        good(&ProxyArgs::default(), &[&[url], env].concat())
            .history
            .loki
            .unwrap()
    };
    assert_eq!(
        (loki(&[]).url.to_string(), loki(&[]).auth == LokiAuth::None),
        ("https://gateway:443/tenant-7".to_owned(), true)
    );
    assert!(loki(&[("LOKI_TOKEN", "s3cret")]).auth == LokiAuth::Bearer("s3cret".to_owned()));
    let basic = loki(&[
        ("LOKI_USER", "me"),
        ("LOKI_PASSWORD", "pa:ss wörd"),
        ("LOKI_TENANT", "team|other"),
    ]);
    assert!(
        basic.auth
            == LokiAuth::Basic {
                user: "me".to_owned(),
                password: "pa:ss wörd".to_owned()
            }
    );
    assert_eq!(
        format!("{basic:?}"),
        r#"https://gateway:443/tenant-7 (auth basic, tenant Some("team|other"))"#
    );
    assert!(!format!("{:?}", loki(&[("LOKI_TOKEN", "s3cret")])).contains("s3cret"));
    assert_eq!(
        good(
            &ProxyArgs::default(),
            &[("LOKI_TOKEN", "a b"), ("LOKI_PASSWORD", "x")]
        )
        .history
        .loki,
        None
    );
}

#[test]
fn what_loki_cannot_be_told_is_wrong_and_not_shown() {
    let complaints = |env: &[(&str, &str)]| {
        bad(
            &ProxyArgs::default(),
            &[&[("LOKI_URL", "http://loki:3100")], env].concat(),
        )
    };
    assert_eq!(
        complaints(&[("LOKI_TOKEN", "t0ken"), ("LOKI_USER", "me")]),
        ["bad value for LOKI_TOKEN: `(not shown)` contradicts LOKI_USER; accepted: one of the two"]
    );
    assert_eq!(
        complaints(&[("LOKI_PASSWORD", "s3cret")]),
        [
            "bad value for LOKI_PASSWORD: `(not shown)` has no LOKI_USER beside it; accepted: both or none"
        ]
    );
    for (name, value) in [
        ("LOKI_TOKEN", "s3 cret"),
        ("LOKI_TENANT", "s3\ncret"),
        ("LOKI_USER", "s3:cret"),
        ("LOKI_TOKEN", "s3cretö"),
    ] {
        let messages = complaints(&[(name, value)]);
        assert!(
            messages.len() == 1
                && messages[0].starts_with(&format!("bad value for {name}: `(not shown)`")),
            "{messages:?}"
        );
    }
    let messages = bad(
        &ProxyArgs::default(),
        &[("LOKI_URL", "http://me:s3cret@loki:3100")],
    );
    assert!(
        messages[0].contains("LOKI_PASSWORD") && !messages[0].contains("s3cret"),
        "{messages:?}"
    );
}
