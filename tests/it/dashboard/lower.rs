//! The lower part of the page: the list of messages, what runs now, and one message with its conversation.

use std::io;

use serde_json::{Value, json};

use super::{browse, has_browser, play, stream, talkative};
use crate::harness::ollama::STREAM_HEAD;
use crate::harness::sample::is_long;
use crate::harness::{AfterReply, Conn, FakeOllama, Latch, chunk};
use crate::history::TestHistory;
use crate::history::old::{Seed, days_ago, write_days};

/// Messages of the long history: more than a list keeps of those that came by themselves.
fn many() -> u32 {
    if is_long() { 10_000 } else { 2_000 }
}

#[test]
fn a_message_is_shown_whole_and_can_be_taken_away() {
    play("detail.py");
}

#[test]
fn replies_are_drawn_whole_and_at_once() {
    play("markdown.py");
}

#[test]
fn a_long_list_has_no_end_no_gap_and_keeps_ones_place() {
    if !has_browser() {
        return;
    }
    let history = TestHistory::new("jsonl");
    let begin = days_ago(2.0);
    let many = many();
    let seeds: Vec<Seed> = (1..=many).map(|n| seed(n, many, begin)).collect();
    write_days(&seeds, &history.history());
    let ollama = talkative();
    let tap = history.start(&ollama);
    browse("list.py", &[&tap]);
}

/// The one in the middle took longest, the one after it wrote most.
fn seed(n: u32, many: u32, begin: f64) -> Seed {
    let fields = json!({
        "duration": if n == many / 2 { 99.0 } else { 2.5 },
        "generated_tokens": if n == many / 2 + 1 { 9999 } else { 34 },
    });
    Seed::new(&format!("seed {n} of many"), begin + f64::from(n)).with_fields(fields)
}

#[test]
fn what_is_new_comes_whatever_became_of_the_place_before_it() {
    play("news.py");
}

#[test]
fn what_runs_is_on_top_of_the_list_until_its_message_is_there() {
    if !has_browser() {
        return;
    }
    let (history, latch) = (TestHistory::new("jsonl"), Latch::default());
    let ollama = FakeOllama::start({
        let latch = latch.clone();
        move |conn| write_slowly(conn, &latch)
    });
    let tap = history.start(&ollama);
    browse("living.py", &[&tap]);
}

/// Writes three tokens, and the rest when another request says `release`; to `stuck` it never answers.
fn write_slowly(conn: &mut Conn, latch: &Latch) -> io::Result<AfterReply> {
    let asked: Value = serde_json::from_slice(&conn.body()?).unwrap_or_default();
    let prompt = asked["prompt"].as_str().unwrap_or_default().to_owned();
    if prompt == "stuck" {
        latch.wait();
    }
    if prompt != "slow" {
        latch.release();
        return conn.answer(stream(&[json!({"response": "Released."})]));
    }
    conn.write(STREAM_HEAD)?;
    for word in ["One", " two", " three"] {
        conn.write(chunk(format!("{}\n", json!({"response": word}))))?;
    }
    latch.wait();
    let rest = stream(&[json!({"response": " four."})]);
    conn.answer(&rest[STREAM_HEAD.len()..])
}

#[test]
fn a_message_is_a_conversation() {
    if !has_browser() {
        return;
    }
    let history = TestHistory::new("jsonl");
    let ollama = FakeOllama::start(converse);
    let tap = history.start(&ollama);
    browse("conversation.py", &[&tap]);
}

/// Asks for the weather by a tool, and answers everything else by saying it again.
fn converse(conn: &mut Conn) -> io::Result<AfterReply> {
    let asked: Value = serde_json::from_slice(&conn.body()?).unwrap_or_default();
    let last = asked["messages"].as_array().and_then(|all| all.last());
    let text = last.and_then(|last| last["content"].as_str());
    let text = text.unwrap_or_default();
    let message = if text.contains("weather") {
        json!({"role": "assistant", "content": "", "thinking": "Which city?",
            "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}]})
    } else {
        json!({"role": "assistant", "content": format!("You said: {text}")})
    };
    conn.answer(stream(&[json!({"message": message})]))
}
