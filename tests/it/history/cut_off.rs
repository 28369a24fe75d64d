//! A Loki that fails in the middle of an answer: nothing looks whole that is not, and who asked hears why.

use std::io::Read;

use super::{REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Proxy, request};

/// The answer of an nginx in front of Loki while Loki is away.
const NGINX: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n\
    <hr><center>nginx/1.24.0</center>\r\n</body>\r\n</html>\r\n";

/// A tap with so many records, each with a prompt of 100 KB.
fn filled(history: &TestHistory, records: usize) -> (FakeOllama, Proxy) {
    let ollama = FakeOllama::always(json(REPLY));
    let tap = history.start(&ollama);
    let prompt = "p".repeat(100_000);
    for n in 0..records {
        talk(&tap, &format!("{n:04} {prompt}"));
    }
    wait_for_records(&tap, records as u64);
    (ollama, tap)
}

/// From now on Loki fails after so many more questions.
fn break_after(history: &TestHistory, questions: usize) {
    history.loki.state().breaks = Some((questions, 502, NGINX.to_owned()));
}

/// All that comes on a connection of its own.
fn raw(tap: &Proxy, target: &str) -> String {
    let mut client = tap.connect();
    client.send(request("GET", target, &["Connection: close"], ""));
    let mut bytes = Vec::new();
    client
        .stream()
        .read_to_end(&mut bytes)
        .expect("all that comes");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn an_export_that_loki_cuts_off_breaks_and_names_loki() {
    let history = TestHistory::new("loki");
    let (_ollama, tap) = filled(&history, 40);
    let cause = format!("ask loki at {}: 502 Bad Gateway", history.loki.url());
    for target in [
        "/analytics/export?format=json",
        "/analytics/export?format=jsonl",
        "/analytics/export?format=csv",
    ] {
        break_after(&history, 2);
        let answer = raw(&tap, target);
        assert!(
            answer.starts_with("HTTP/1.1 200 ")
                && answer.ends_with(&format!("\r\nthe answer broke off: {cause}\r\n")),
            "{target}"
        );
    }
    tap.wait_log(&format!("an answer broke off: {cause}"));
    let address = tap.addr.to_string();
    let export = || crate::harness::Options::bare(&["export", "--listen", &address]).run();
    break_after(&history, 2);
    let (code, _, stderr) = export();
    let expected = format!("ollama-tap: read the export of the tap at http://{address}: {cause}\n");
    assert_eq!((code, stderr), (1, expected));
    history.loki.state().breaks = None;
    let (code, stdout, stderr) = export();
    assert_eq!((code, stdout.lines().count(), stderr.as_str()), (0, 40, ""));
}

#[test]
fn an_answer_that_loki_cuts_off_before_it_began_is_an_error_in_lokis_words() {
    let history = TestHistory::new("loki");
    let (_ollama, tap) = filled(&history, 8);
    let error = serde_json::json!({"error": format!("ask loki at {}: 502 Bad Gateway", history.loki.url())});
    for (target, questions) in [
        ("/analytics/messages", 0),
        ("/analytics/stats/enhanced", 0),
        ("/analytics/messages/ffffffff", 0),
        ("/analytics/search", 1),
    ] {
        break_after(&history, questions);
        let reply = tap.get(target);
        assert_eq!(
            (reply.status(), reply.json()),
            (503, error.clone()),
            "{target}"
        );
        history.loki.state().breaks = None;
    }
    assert!(prompts(&page(&tap, "/analytics/search?limit=1"))[0].starts_with("0007 "));
}
