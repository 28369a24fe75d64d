//! Tables: what people type, and what it means.

use super::host::is_loopback;
use super::ollama_host::{OllamaHost, parse_ollama_host};
use super::*;

#[test]
fn ollama_host_is_read_by_ollamas_rules() {
    use Scheme::{Http, Https};
    let rows = [
        ("", Http, "127.0.0.1", 11434, ""),
        ("   ", Http, "127.0.0.1", 11434, ""),
        ("1.2.3.4", Http, "1.2.3.4", 11434, ""),
        (":1234", Http, "", 1234, ""),
        (":0", Http, "", 0, ""),
        ("1.2.3.4:1234", Http, "1.2.3.4", 1234, ""),
        ("example.com", Http, "example.com", 11434, ""),
        ("example.com:1234", Http, "example.com", 1234, ""),
        ("[::1]", Http, "::1", 11434, ""),
        ("::1", Http, "::1", 11434, ""),
        ("[::]", Http, "::", 11434, ""),
        ("[::1]:1337", Http, "::1", 1337, ""),
        (" 1.2.3.4 ", Http, "1.2.3.4", 11434, ""),
        ("\"1.2.3.4\"", Http, "1.2.3.4", 11434, ""),
        (" \" 1.2.3.4 \" ", Http, "1.2.3.4", 11434, ""),
        ("'1.2.3.4'", Http, "1.2.3.4", 11434, ""),
        ("1.2.3.4/", Http, "1.2.3.4", 11434, ""),
        ("1.2.3.4:1234/ollama", Http, "1.2.3.4", 1234, "ollama"),
        ("http://1.2.3.4", Http, "1.2.3.4", 80, ""),
        ("http://1.2.3.4:4321", Http, "1.2.3.4", 4321, ""),
        ("HTTP://1.2.3.4", Http, "1.2.3.4", 80, ""),
        ("http://", Http, "127.0.0.1", 80, ""),
        ("http://[::1]", Http, "::1", 80, ""),
        ("https://1.2.3.4", Https, "1.2.3.4", 443, ""),
        ("https://1.2.3.4:4321", Https, "1.2.3.4", 4321, ""),
        (
            "https://example.com/ollama",
            Https,
            "example.com",
            443,
            "ollama",
        ),
        (
            "https://example.com:8443/a/b/",
            Https,
            "example.com",
            8443,
            "a/b/",
        ),
        ("ollama.com", Https, "ollama.com", 443, ""),
        ("http://ollama.com", Http, "ollama.com", 80, ""),
        ("ollama.com:1234", Http, "ollama.com", 1234, ""),
    ];
    for (value, scheme, host, port, path) in rows {
        let read = OllamaHost {
            scheme,
            host: host.into(),
            port,
            path: path.into(),
            warning: None,
        };
        assert_eq!(parse_ollama_host(value), Ok(read), "{value:?}");
    }
}

#[test]
fn a_port_that_is_none_becomes_the_default_with_a_warning() {
    let rows = [
        (":66000", "", 11434),
        (":-1", "", 11434),
        ("1.2.3.4:", "1.2.3.4", 11434),
        ("example.com:x", "example.com", 11434),
        ("http://example.com:66000", "example.com", 80),
        ("https://[::1]:99999/x", "::1", 443),
    ];
    for (value, host, port) in rows {
        let read = parse_ollama_host(value).unwrap();
        assert_eq!((read.host.as_str(), read.port), (host, port), "{value}");
        assert!(
            read.warning
                .unwrap()
                .ends_with(&format!("; {port} is used")),
            "{value}"
        );
    }
}

#[test]
fn an_upstream_is_shown_as_the_url_that_is_dialled() {
    let rows = [
        ("", "http://127.0.0.1:11434"),
        (":1234", "http://127.0.0.1:1234"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:80/", "http://127.0.0.1:80"),
        ("[::]", "http://127.0.0.1:11434"),
        ("0:0:0:0:0:0:0:1", "http://[::1]:11434"),
        ("http://localhost:11434", "http://localhost:11434"),
        ("ollama_gpu:11434", "http://ollama_gpu:11434"),
        ("https://example.com/a/b//", "https://example.com:443/a/b"),
    ];
    for (value, url) in rows {
        assert_eq!(
            Upstream::parse(value).unwrap().0.to_string(),
            url,
            "{value:?}"
        );
    }
}

#[test]
fn an_upstream_that_cannot_be_dialled_is_refused() {
    let rows = [
        ("ftp://example.com", "scheme `ftp`"),
        (
            "http://user:pass@example.com:80",
            "clients send their own Authorization",
        ),
        (
            "user:pass@example.com",
            "clients send their own Authorization",
        ),
        (
            "https://user:p/s@example.com/x",
            "clients send their own Authorization",
        ),
        ("http://a b", "no usable host"),
        ("::1:1:1:1:1:1:1:1:1", "no usable host"),
        ("[::1", "no usable host"),
        ("1.2.3.400", "no usable host"),
        ("http://?", "no usable host"),
        (":0", "port 0"),
        ("http://example.com/a?b", "path"),
    ];
    for (value, part) in rows {
        let why = Upstream::parse(value).unwrap_err();
        assert!(why.contains(part), "{value}: {why}");
    }
}

#[test]
fn missing_parts_of_a_listening_address_come_from_the_default() {
    let default = ListenAddress {
        host: "127.0.0.1".into(),
        port: 8000,
    };
    let rows = [
        ("0.0.0.0:9000", "0.0.0.0:9000"),
        ("0.0.0.0", "0.0.0.0:8000"),
        (":9000", "[::]:9000"),
        ("9000", "127.0.0.1:9000"),
        ("0", "127.0.0.1:0"),
        ("localhost:0", "localhost:0"),
        ("localhost", "localhost:8000"),
        ("[::1]:0", "[::1]:0"),
        ("[::]", "[::]:8000"),
        ("::1", "[::1]:8000"),
        ("my-host.example:65535", "my-host.example:65535"),
    ];
    for (value, shown) in rows {
        assert_eq!(
            ListenAddress::parse(value, &default).unwrap().to_string(),
            shown,
            "{value}"
        );
    }
}

#[test]
fn a_listening_address_that_is_none_is_refused() {
    let default = ListenAddress {
        host: "0.0.0.0".into(),
        port: 8000,
    };
    let rows = [
        "",
        " ",
        "http://127.0.0.1:8000",
        "127.0.0.1:65536",
        "127.0.0.1:",
        "70000",
        "1.2.3",
        "a b:1",
        "[::1",
        "::1::2",
        "[x y]:1",
        "-1",
        "host/path",
    ];
    for value in rows {
        assert!(ListenAddress::parse(value, &default).is_err(), "{value:?}");
    }
}

#[test]
fn loopback_is_the_whole_of_127_and_its_names() {
    for host in [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
    ] {
        assert!(is_loopback(host), "{host}");
    }
    for host in [
        "0.0.0.0",
        "::",
        "128.0.0.1",
        "localhost.example.com",
        "::2",
        "10.0.0.1",
    ] {
        assert!(!is_loopback(host), "{host}");
    }
}

#[test]
fn a_host_header_leaves_out_the_port_that_the_scheme_says() {
    let header = |value: &str| Upstream::parse(value).unwrap().0.host_header();
    assert_eq!(header("https://ollama.example"), "ollama.example");
    assert_eq!(header("http://ollama.example"), "ollama.example");
    assert_eq!(header("http://ollama.example:443"), "ollama.example:443");
    assert_eq!(header("[::1]"), "[::1]:11434");
}
