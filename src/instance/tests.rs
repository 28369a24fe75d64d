//! The content of instance files, and which of them are believed.

use std::fs;

use super::*;

fn note(listen: &str, admin: Option<&str>) -> Instance {
    let address = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text}"));
    Instance {
        listen: address(listen),
        admin: admin.map(address),
        store: None,
        token_file: None,
        pid: 1,
    }
}

fn is_at(instance: &Instance, address: &str) -> bool {
    instance.is_at(&Upstream::parse(address).unwrap().0)
}

#[test]
fn a_tap_is_at_every_address_that_leads_to_one_of_its_listeners() {
    let tap = note("127.0.0.1:8000", Some("0.0.0.0:9000"));
    assert_eq!(
        (tap.public().authority(), tap.pages().authority()),
        ("127.0.0.1:8000".to_owned(), "127.0.0.1:9000".to_owned())
    );
    for (address, expected) in [
        ("127.0.0.1:8000", true),
        ("localhost:8000", true),
        ("127.0.0.1:9000", true),
        ("127.0.0.2:9000", true),
        ("127.0.0.2:8000", false),
        ("127.0.0.1:8001", false),
    ] {
        assert_eq!(is_at(&tap, address), expected, "{address}");
    }
    if std::env::var("OLLAMA_TAP_TEST_WINE").as_deref() == Ok("1") {
        crate::skips::skip("Wine binds addresses that are not this machine's");
    } else {
        assert!(
            !is_at(&tap, "192.0.2.1:9000"),
            "an address of another machine"
        );
    }
    assert_eq!(
        note("127.0.0.1:8000", None).pages().authority(),
        "127.0.0.1:8000"
    );
}

#[test]
fn only_what_is_named_for_its_port_and_can_be_read_is_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let text = serde_json::to_string(&note("127.0.0.1:8000", None)).unwrap();
    let read_instance = |name: &str, text: &str| {
        fs::write(dir.path().join(name), text).unwrap();
        super::read_instance(&dir.path().join(name)).is_some()
    };
    assert!(read_instance("8000.json", &text));
    assert!(
        !read_instance("8001.json", &text)
            && !read_instance("8000.token", &text)
            && !read_instance("x.json", &text)
    );
    assert!(
        !read_instance("8000.json", "{}") && !read_instance("8000.json", &text[..text.len() - 1])
    );
}

#[test]
fn a_token_is_read_from_a_file_that_can_be_one_alone() {
    let dir = tempfile::tempdir().unwrap();
    let token = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        Instance {
            token_file: Some(path),
            ..note("127.0.0.1:8000", None)
        }
        .token()
    };
    assert_eq!(token("8000.token", "t0ken\n").as_deref(), Some("t0ken"));
    assert_eq!(token("8000.token", ""), None);
    assert_eq!(token("8000.token", "-----BEGIN KEY-----\nabc\n"), None);
    assert_eq!(
        token("shadow", "t0ken"),
        None,
        "a file of another name was read"
    );
}
