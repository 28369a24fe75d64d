//! Conversations that grow, as clients send them, and are put together again.

use std::time::SystemTime;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::StoreText;
use crate::diagnose::session::threads::{NewRequest, Threads};
use crate::history::record::TapIdentity;
use crate::http::route::Inference;
use crate::observe::Exchange;
use crate::observe::conversation::reply_hash;
use crate::observe::exchange::ToolCall;
use crate::observe::limits::MAX_CONVERSATION;
use crate::observe::tests::requests::exchange_of;

/// A client's conversation, and the records of it so far.
#[derive(Default)]
struct Client {
    threads: Threads,
    messages: Vec<Value>,
    records: Vec<Record>,
}

impl Client {
    /// Sends all messages and is answered; returns what it sent as records have it.
    fn ask(&mut self, text: &str, calls: &[ToolCall], keep: StoreText) -> Vec<KeptMessage> {
        let body = json!({"model": "m", "messages": self.messages}).to_string();
        let mut exchange = exchange_of(Inference::Chat, body.as_bytes(), false);
        exchange.interaction_id = format!("{:016x}", self.records.len());
        exchange.arrived = SystemTime::now();
        exchange.response = text.to_owned();
        exchange.tool_calls = calls.to_vec();
        let sent = exchange.conversation.messages.clone().unwrap();
        self.follow(&mut exchange);
        let writer = TapIdentity {
            host: "box".to_owned(),
            tap: 1,
        };
        self.records.push(Record::new(exchange, keep, &writer));
        sent
    }

    fn follow(&mut self, exchange: &mut Exchange) {
        let previous = self.threads.follow(NewRequest {
            id: &exchange.interaction_id,
            session: "talk",
            prompt: &exchange.evidence.prompt,
            hints: &exchange.evidence.session,
            reply: reply_hash(&exchange.response, &exchange.tool_calls),
        });
        if let Some(previous) = previous {
            exchange.conversation.follow(previous);
        }
    }

    /// What the last record shows.
    fn shown(&self) -> Record {
        let (last, before) = self.records.split_last().unwrap();
        let mut predecessors = Predecessors::of(last);
        let mut before = before.iter().rev().cloned();
        while !predecessors.is_complete()
            && let Some(record) = before.next()
        {
            _ = predecessors.visit(record);
        }
        predecessors.join(last.clone())
    }
}

/// A turn: what is said next, the reply, whether it calls a tool, and how the client repeats it.
type GrownTurn = (String, String, bool, u8);

fn grown() -> impl Strategy<Value = Vec<GrownTurn>> {
    let text = "[a-c\\n ]{0,6}";
    prop::collection::vec((text, text, any::<bool>(), 0..4_u8), 1..12)
}

/// Says the next thing, and repeats the reply as it was, or otherwise.
fn grow(
    client: &mut Client,
    (text, reply, calls, repeats): &GrownTurn,
    keep: StoreText,
) -> Vec<KeptMessage> {
    client
        .messages
        .push(json!({"role": "user", "content": text}));
    let call = ToolCall {
        name: "f".to_owned(),
        arguments: r#"{"n":1}"#.to_owned(),
    };
    let made = vec![call; usize::from(*calls)];
    let sent = client.ask(reply, &made, keep);
    let mut message = json!({"role": "assistant", "content": reply});
    match repeats {
        0 => message["content"] = json!(format!("{reply}!")),
        1 => message["thinking"] = json!("hm"),
        _ => {}
    }
    if *calls {
        message["tool_calls"] = json!([{"function": {"name": "f", "arguments": {"n": 1}}}]);
        let result = json!({"role": "tool", "tool_name": "f", "content": text});
        client.messages.extend([message, result]);
    } else {
        client.messages.push(message);
    }
    sent
}

proptest! {
    #[test]
    fn a_conversation_that_grew_is_shown_as_it_was_sent(turns in grown(), has_system in any::<bool>()) {
        let mut client = Client::default();
        if has_system {
            client.messages.push(json!({"role": "system", "content": "Be brief."}));
        }
        for turn in &turns {
            let sent = grow(&mut client, turn, StoreText::Full);
            let shown = client.shown();
            prop_assert_eq!(shown.messages.unwrap(), sent);
            prop_assert_eq!(shown.system.is_some(), has_system);
        }
        let kept = client.records.iter().flat_map(|record| record.messages.iter().flatten());
        prop_assert!(kept.count() <= 3 * turns.len(), "each is kept once");
    }

    #[test]
    fn an_edited_conversation_shows_what_was_sent_last(turns in grown(), cut in 0..20_usize) {
        let mut client = Client::default();
        for turn in &turns {
            grow(&mut client, turn, StoreText::Full);
        }
        client.messages.truncate(cut);
        client.messages.push(json!({"role": "user", "content": "Edited."}));
        let sent = client.ask("so", &[], StoreText::Full);
        prop_assert_eq!(client.shown().messages.unwrap(), sent);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_record_has_more_than_the_bound(sizes in prop::collection::vec((0..200_000_usize, "[x\"\u{1}é]"), 1..8)) {
        let mut client = Client::default();
        for (size, letter) in sizes {
            let text = letter.repeat(size / letter.len());
            client.messages.push(json!({"role": "user", "content": text}));
        }
        client.ask("so", &[], StoreText::Full);
        let record = &client.records[0];
        let messages = record.messages.as_ref().unwrap();
        prop_assert!(serde_json::to_string(messages).unwrap().len() <= MAX_CONVERSATION);
        let all = record.messages_from.unwrap() as usize + messages.len();
        prop_assert_eq!(all, client.messages.len());
        prop_assert!(!messages.is_empty());
    }
}

#[test]
fn a_long_conversation_takes_little_and_is_shown_whole() {
    let mut client = Client::default();
    let text = "All of a file. ".repeat(70);
    for turn in 0..100 {
        let reply = format!("Reply {turn}: {text}");
        client
            .messages
            .push(json!({"role": "user", "content": format!("{turn}: {text}")}));
        let sent = client.ask(&reply, &[], StoreText::Full);
        assert_eq!(client.shown().messages.unwrap(), sent);
        client
            .messages
            .push(json!({"role": "assistant", "content": reply}));
    }
    let messages = client
        .records
        .iter()
        .flat_map(|record| record.messages.iter().flatten());
    let bytes: usize = messages.map(KeptMessage::bytes).sum();
    assert!(bytes < 101 * (text.len() + 10), "{bytes}");
}

#[test]
fn only_as_much_is_kept_as_may_be() {
    let long = "é".repeat(100);
    let ask = |keep| {
        let mut client = Client::default();
        client
            .messages
            .push(json!({"role": "system", "content": long}));
        for _ in 0..2 {
            client
                .messages
                .push(json!({"role": "user", "content": long}));
            client.ask(&long, &[], keep);
            let reply = json!({"role": "assistant", "content": long, "thinking": "secret"});
            client.messages.push(reply);
        }
        client
    };
    let client = ask(StoreText::Preview);
    let shown = client.shown();
    let texts = shown
        .messages
        .iter()
        .flatten()
        .map(|message| message.text.clone());
    assert_eq!(texts.collect::<Vec<_>>(), vec![Some("é".repeat(80)); 3]);
    assert_eq!(shown.system, Some("é".repeat(80)));
    assert!(
        shown
            .messages
            .iter()
            .flatten()
            .all(|message| message.thinking.is_none())
    );
    let last = ask(StoreText::None).records.pop().unwrap();
    assert_eq!(
        (last.messages, last.system, last.messages_from),
        (None, None, None)
    );
    assert!(last.previous_id.is_some());
}
