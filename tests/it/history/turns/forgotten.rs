//! What a deleted record said is gone from the later records of its conversation, and from all files.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{ask, assistant, detail, id, ollama, said, user};
use crate::harness::Proxy;
use crate::history::{LOCAL, TestHistory, files};

/// All that is in the files of a history, unpacked.
fn everything(history: &TestHistory) -> String {
    let unpacked = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a file");
        if path.extension().is_none_or(|end| end != "gz") {
            return bytes;
        }
        let mut text = Vec::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(&bytes[..]);
        decoder.read_to_end(&mut text).expect("a gzip file");
        text
    };
    let paths = files(&history.history()).into_iter();
    let bytes: Vec<u8> = paths
        .filter(|path| path.is_file())
        .flat_map(unpacked)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn delete(tap: &Proxy, target: &str) {
    let request = format!("DELETE {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(tap.ask("DELETE", request).status(), 200, "{target}");
}

#[test]
fn what_a_deleted_message_said_is_in_no_file_and_no_later_record() {
    for backend in LOCAL {
        let (history, ollama) = (TestHistory::new(backend), ollama());
        let tap = history.start(&ollama);
        let ask = |messages: &[Value]| {
            let body = json!({"messages": messages, "metadata": {"user_id": "u_session_7"}});
            ask(&tap, "/v1/messages", body)
        };
        let first = ask(&[user("forget-one")]);
        // The client sends the reply with something added.
        let echo = assistant("Reply 1. forget-two");
        let second = ask(&[user("forget-one"), echo, user("keep-one")]);
        // And then another beginning.
        let replies = [assistant("Reply 1."), assistant("Reply 3.")];
        let [one, three] = replies;
        let third = ask(&[
            user("keep-two"),
            one,
            user("keep-one"),
            three,
            user("keep-three"),
        ]);
        assert_eq!(second["previous_id"], first["interaction_id"], "{backend}");
        assert_eq!(third["previous_id"], Value::Null, "{backend}");
        delete(&tap, &format!("/analytics/messages/{}", id(&first)));
        let shown = said(&detail(&tap, &second));
        let gone = [
            "gone gone: missing",
            "assistant gone: deleted",
            "user: keep-one",
        ];
        assert_eq!(shown, gone, "{backend}");
        let shown = said(&detail(&tap, &third));
        let rest = [
            "user: keep-two",
            "assistant gone: deleted",
            "user: keep-one",
            "assistant: Reply 3.",
            "user: keep-three",
        ];
        assert_eq!(shown, rest, "{backend}");
        let left = everything(&history);
        for text in ["forget", "Reply 1."] {
            assert!(!left.contains(text), "{backend}: {text}");
        }
        assert!(
            left.contains("keep-one") && left.contains("keep-three"),
            "{backend}"
        );
        delete(&tap, "/analytics/messages?session=7");
        let left = everything(&history);
        assert!(
            !left.contains("keep") && !left.contains("Reply"),
            "{backend}"
        );
    }
}
