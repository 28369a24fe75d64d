//! Access to the history, and texts that are never written.

use std::fs;

use super::{BACKENDS, LOCAL, TestHistory, files, page, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Options, Proxy, SIGTERM, post};

/// A word of every text, and one beyond what a preview shows.
const SECRET: &str = "xyzzy-secret";
const BEYOND: &str = "far-beyond-secret";

/// What a request may set beside its prompt, and beyond what any client sets.
const PARAMETERS: [&str; 9] = [
    "suffix",
    "template",
    "stop",
    "format",
    "think",
    "keep_alive",
    "num_ctx",
    "user",
    "far-beyond-secret",
];

fn talk(tap: &Proxy) {
    let set: String = PARAMETERS
        .map(|name| format!(r#","{name}":"{BEYOND} {SECRET}""#))
        .concat();
    let body = format!(
        r#"{{"model":"talk","prompt":"What is {SECRET}? {}{BEYOND}","stream":false,"options":{{"seed":7{set}}}{set}}}"#,
        "x".repeat(200)
    );
    assert_eq!(tap.ask("POST", post("/api/generate", &body)).status(), 200);
}

fn secretive() -> FakeOllama {
    let call = format!(r#"{{"function":{{"name":"f","arguments":{{"a":"{SECRET}"}}}}}}"#);
    let text = format!("{SECRET}{}{BEYOND}", "y".repeat(150));
    let body = format!(
        r#"{{"model":"talk","response":"{text}","thinking":"{BEYOND}","tool_calls":[{call}],"done":true}}"#
    );
    FakeOllama::always(json(&body))
}

fn get(tap: &Proxy, target: &str, headers: &str) -> u16 {
    tap.ask("GET", format!("GET {target} HTTP/1.1\r\n{headers}\r\n"))
        .status()
}

const DATA: [&str; 9] = [
    "/analytics/active",
    "/analytics/stats",
    "/analytics/stats/enhanced",
    "/analytics/search",
    "/analytics/messages",
    "/analytics/messages/00ff",
    "/analytics/models",
    "/analytics/why",
    "/analytics/export",
];

#[test]
fn this_machine_reads_and_web_pages_and_proxies_do_not() {
    let history = TestHistory::new("jsonl");
    let ollama = secretive();
    let tap = history.start(&ollama);
    for target in DATA {
        for headers in [
            "Host: localhost\r\n",
            "Host: 127.0.0.1:11434\r\n",
            "Host: [::1]\r\n",
            "Host: localhost:1\r\nOrigin: http://localhost:1\r\n",
            "Host: localhost.\r\nSec-Fetch-Site: same-origin\r\n",
        ] {
            assert!(
                [200, 404].contains(&get(&tap, target, headers)),
                "{target} {headers}"
            );
        }
        for headers in [
            "Host: evil.example\r\n",
            "Host: 10.0.0.7\r\n",
            "Host: localhost\r\nOrigin: http://evil.example\r\n",
            "Host: localhost\r\nOrigin: null\r\n",
            "Host: localhost:1\r\nOrigin: http://localhost:1\r\nOrigin: http://evil.example\r\n",
            "Host: localhost\r\nX-Forwarded-For: 10.0.0.7\r\n",
            "Host: localhost\r\nForwarded: for=10.0.0.7\r\n",
            "Host: localhost\r\nX-Real-IP: 127.0.0.1\r\n",
            "Host: localhost\r\nVia: 1.1 proxy\r\n",
            "Host: localhost\r\nX-Forwarded-Host: tap.example\r\n",
            "Host: localhost\r\nX-Forwarded-Proto: https\r\n",
            "Host: localhost\r\nCF-Connecting-IP: 10.0.0.7\r\n",
            "Host: localhost\r\nTrue-Client-IP: 10.0.0.7\r\n",
            "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
            "Host: localhost\r\nSec-Fetch-Site: same-site\r\n",
            "Host: localhost\r\nX-Real-IP: 127.0.0.1\r\nAuthorization: Bearer guess\r\n",
        ] {
            assert_eq!(get(&tap, target, headers), 403, "{target} {headers}");
        }
        for host in [
            "localhost:evil.com",
            "[::1].evil.com",
            "[127.0.0.1]evil.com",
            "localhost:80@evil.com",
        ] {
            assert!(
                [400, 403].contains(&get(&tap, target, &format!("Host: {host}\r\n"))),
                "{target} {host}"
            );
        }
        for headers in ["", "Host: localhost\r\nHost: evil.example\r\n"] {
            assert_eq!(get(&tap, target, headers), 400, "{target} {headers}");
        }
    }
    let refused = tap
        .ask(
            "GET",
            "GET /analytics/search HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        )
        .json();
    assert!(
        refused["error"].as_str().unwrap().contains("--token"),
        "{refused}"
    );
    assert_eq!(get(&tap, "/analytics", "Host: localhost\r\n"), 200);
    assert_eq!(get(&tap, "/analytics", "Host: evil.example\r\n"), 403);
    let purge = "DELETE /analytics/messages?all=true HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n";
    assert_eq!(tap.ask("DELETE", purge).status(), 403);
    let hide = "POST /analytics/why/hide?key=context_cut.middle.sure.talk HTTP/1.1\r\nHost: localhost\r\n\
                Content-Length: 0\r\nOrigin: http://evil.example\r\n\r\n";
    assert_eq!(tap.ask("POST", hide).status(), 403);
}

#[test]
fn the_right_token_reads_from_anywhere() {
    let history = TestHistory::new("jsonl");
    let ollama = secretive();
    let tap = history
        .options(&ollama)
        .env("OLLAMA_TAP_TOKEN", "s3cret")
        .start();
    for target in DATA {
        let far =
            "Host: tap.example\r\nOrigin: http://evil.example\r\nX-Forwarded-For: 10.0.0.7\r\n";
        assert!(
            [200, 404].contains(&get(
                &tap,
                target,
                &format!("{far}Authorization: Bearer s3cret\r\n")
            )),
            "{target}"
        );
        assert_eq!(
            get(
                &tap,
                target,
                &format!("{far}Authorization: Bearer s3cre\r\n")
            ),
            403,
            "{target}"
        );
        assert_eq!(
            get(&tap, target, "Host: localhost\r\n"),
            403,
            "{target}: this machine needs it too"
        );
    }
    let purge = "DELETE /analytics/messages?all=true HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let refused = tap.ask("DELETE", purge);
    assert_eq!(refused.status(), 403);
    assert!(
        refused.text().contains("Authorization: Bearer"),
        "{}",
        refused.text()
    );
    assert!(!tap.log().contains("s3cret"));
}

#[test]
fn text_that_must_not_be_stored_is_in_no_file_and_on_no_page() {
    for backend in BACKENDS {
        for (keep, previews) in [("preview", true), ("none", false)] {
            let history = TestHistory::new(backend);
            let ollama = secretive();
            let mut tap = history
                .options(&ollama)
                .args(&["--store-text", keep])
                .start();
            talk(&tap);
            wait_for_records(&tap, 1);
            let record = &page(&tap, "/analytics/search")[0];
            for field in [
                "prompt_full",
                "response_full",
                "thinking_full",
                "tool_calls",
            ] {
                assert!(
                    record[field].is_null(),
                    "{backend} {keep} {field}: {record}"
                );
            }
            assert_eq!(
                (
                    record["prompt_preview"].is_string(),
                    record["response_preview"].is_string()
                ),
                (previews, previews),
                "{record}"
            );
            assert_eq!(record["prompt_category"], "question");
            assert_eq!(record["parameters"]["seed"], 7, "{record}");
            let found = page(&tap, &format!("/analytics/search?prompt_search={SECRET}"));
            assert_eq!(found.as_array().unwrap().len(), usize::from(previews));
            tap.signal(SIGTERM);
            tap.wait_exit(crate::harness::TIMEOUT);
            let text = if previews { BEYOND } else { SECRET };
            for path in if backend == "loki" {
                Vec::new()
            } else {
                files(&history.history())
            } {
                let bytes = fs::read(&path).expect("a file");
                let mut plain = Vec::new();
                let _ = std::io::Read::read_to_end(
                    &mut flate2::read::MultiGzDecoder::new(&bytes[..]),
                    &mut plain,
                );
                let holds = |bytes: &[u8]| {
                    bytes
                        .windows(text.len())
                        .any(|window| window == text.as_bytes())
                };
                assert!(!holds(&bytes) && !holds(&plain), "{}", path.display());
            }
            assert!(
                history
                    .loki
                    .pushes()
                    .iter()
                    .all(|push| !String::from_utf8_lossy(&push.body).contains(text))
            );
        }
    }
}

#[cfg(unix)] // rights are lists on Windows, which have no mode bits to look at
#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let ollama = secretive();
        let tap = history.start(&ollama);
        talk(&tap);
        wait_for_records(&tap, 1);
        let mode = |path: &std::path::Path| {
            fs::metadata(path).expect("metadata").permissions().mode() & 0o777
        };
        assert_eq!(mode(&history.history()), 0o700);
        for path in files(&history.history()) {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        assert_eq!(
            fs::read_to_string(history.history().join(".gitignore")).expect("a .gitignore"),
            "*\n"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_directory_with_other_things_in_it_keeps_its_rights() {
    use std::os::unix::fs::PermissionsExt;
    for (other, mode) in [(None, 0o700), (Some("letter.txt"), 0o755)] {
        let history = TestHistory::new("jsonl");
        let (ollama, path) = (secretive(), history.history());
        fs::create_dir(&path).expect("make the directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("open it to all");
        for name in other.iter() {
            fs::write(path.join(name), "x").expect("write");
        }
        let _tap = history.start(&ollama);
        assert_eq!(
            fs::metadata(&path).expect("metadata").permissions().mode() & 0o777,
            mode
        );
        assert_eq!(
            fs::metadata(path.join(".lock"))
                .expect("metadata")
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
    }
}

#[cfg(unix)]
#[test]
fn a_directory_of_another_owner_gets_no_history() {
    const NOBODY: u32 = 65_534;
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let path = history.history();
        fs::create_dir(&path).expect("make the directory");
        if !crate::harness::require(
            "the right to give directories away",
            std::os::unix::fs::chown(&path, Some(NOBODY), None).is_ok(),
        ) {
            return;
        }
        let (code, _, stderr) = Options::bare(&["proxy", "--listen", "127.0.0.1:0"])
            .args(&history.args())
            .run();
        assert!(
            code == 1
                && stderr.contains("it belongs to user")
                && stderr.contains("--analytics-dir"),
            "{code} {stderr}"
        );
        assert!(files(&path).is_empty(), "something was left there");
    }
}

#[test]
fn a_directory_has_one_writer_and_a_second_tap_names_it() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let ollama = secretive();
        let tap = history.start(&ollama);
        let second = ["proxy", "--listen", "127.0.0.1:0"];
        let (code, _, stderr) = Options::bare(&second).args(&history.args()).run();
        assert_eq!(code, 1, "{stderr}");
        assert!(
            stderr.contains(&tap.addr.to_string()) && stderr.contains("--analytics-dir"),
            "{stderr}"
        );
        drop(tap);
        history.start(&ollama);
    }
}
