//! The requests of the demo's traffic that meet with trouble: all that `ollama-tap why` can tell of.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::script::{CURL, OLLAMA, ScriptedRequest};

/// The requests of a trouble in their order, each of which waits for the reply to the one before.
/// Rounds count from 1.
pub type Trouble = fn(u32) -> Vec<ScriptedRequest>;

pub const TROUBLES: [Trouble; 4] = [
    texts_are_too_long,
    large_models_are_in_each_others_way,
    a_clock_breaks_the_cache,
    a_conversation_goes_on,
];

const WEBUI: &str = "Open-WebUI/0.9.2 (ollama-tap demo)";
const INDEXER: &str = "indexer/1.4 (ollama-tap demo)";
const EDITOR: &str = "editor/2.1 (ollama-tap demo)";
const AGENT: &str = "agent/0.7 (ollama-tap demo)";

/// Prompts that are cut in each way, one that is refused, a reply that runs over the end of the
/// context, and one that ends before the thinking does.
fn texts_are_too_long(round: u32) -> Vec<ScriptedRequest> {
    let long = report(round, 6000);
    vec![
        request(
            CURL,
            "/api/generate",
            json!({"model": "demo-chat", "prompt": format!("Summarize this. {long}")}),
        ),
        chat(OLLAMA, "demo-chat", json!({}), long_conversation(round)),
        request(
            OLLAMA,
            "/api/chat",
            json!({"model": "demo-chat", "truncate": false, "messages": [user(&long)]}),
        ),
        request(
            INDEXER,
            "/api/embed",
            json!({"model": "demo-embed", "input": report(round, 3000)}),
        ),
        ask(OLLAMA, "demo-chat", json!({}), &nearly_full(round)),
        ask(
            WEBUI,
            "demo-think",
            json!({"num_predict": 12}),
            "How many days has a year?",
        ),
    ]
}

/// A client waits behind another; two load a model with different contexts by turns; and another
/// model, which does not find enough VRAM each time, takes its room.
fn large_models_are_in_each_others_way(round: u32) -> Vec<ScriptedRequest> {
    let short = |num_ctx: u32| json!({"num_ctx": num_ctx, "num_predict": 20});
    let curl = || ask(CURL, "demo-large", short(4096), "Why is the sea salty?");
    let webui = || ask(WEBUI, "demo-large", short(8192), "What is a tap?");
    let editor = || ask(EDITOR, "demo-coder", json!({"num_predict": 20}), "Fix it");
    let report = format!("List what was found. {}", report(round, 3000));
    let indexer = ScriptedRequest {
        is_beside: true,
        ..ask(INDEXER, "demo-large", short(8192), &report)
    };
    vec![
        indexer,
        webui(),
        curl(),
        webui(),
        curl(),
        webui(),
        editor(),
        webui(),
        editor(),
    ]
}

/// The time in a system prompt: all behind it is read anew on every turn.
fn a_clock_breaks_the_cache(round: u32) -> Vec<ScriptedRequest> {
    let system = |turn: u32| {
        let (minute, second) = (round % 60, turn);
        format!(
            "You are an agent. It is 14:{minute:02}:{second:02}. These are your rules. {}",
            prose(900)
        )
    };
    conversation(AGENT, "demo-tools", round, system)
}

/// The same without the time: nothing is wrong with it.
fn a_conversation_goes_on(round: u32) -> Vec<ScriptedRequest> {
    let system = |_| format!("You are an assistant. These are your rules. {}", prose(900));
    conversation(WEBUI, "demo-chat", round, system)
}

/// Four turns of a conversation, each with what was said before.
fn conversation(
    user_agent: &'static str,
    model: &str,
    round: u32,
    system: impl Fn(u32) -> String,
) -> Vec<ScriptedRequest> {
    let turn = |turn: u32| {
        let mut messages = vec![json!({"role": "system", "content": system(turn)})];
        for earlier in 1..turn {
            messages.push(user(&format!("Explain step {earlier} of ticket {round}")));
            messages
                .push(json!({"role": "assistant", "content": format!("Step {earlier} is done.")}));
        }
        messages.push(user(&format!("Explain step {turn} of ticket {round}")));
        chat(user_agent, model, json!({}), messages)
    };
    (1..=4).map(turn).collect()
}

/// A chat that is more than twice as long as the context.
fn long_conversation(round: u32) -> Vec<Value> {
    let mut messages: Vec<Value> = (0..10)
        .map(|turn| {
            let role = if turn % 2 == 0 { "user" } else { "assistant" };
            json!({"role": role, "content": report(round * 100 + turn, 900)})
        })
        .collect();
    messages.push(user("What did we decide at first?"));
    messages
}

/// A prompt that leaves room for a few tokens of a reply.
fn nearly_full(round: u32) -> String {
    format!("Explain it. {}", report(round, 4070))
}

fn ask(user_agent: &'static str, model: &str, options: Value, prompt: &str) -> ScriptedRequest {
    chat(user_agent, model, options, vec![user(prompt)])
}

fn chat(
    user_agent: &'static str,
    model: &str,
    options: Value,
    messages: Vec<Value>,
) -> ScriptedRequest {
    let body = json!({"model": model, "messages": messages, "options": options});
    request(user_agent, "/api/chat", body)
}

fn request(user_agent: &'static str, path: &'static str, body: Value) -> ScriptedRequest {
    ScriptedRequest {
        user_agent,
        path,
        body: Cow::Owned(body.to_string()),
        disconnects: false,
        is_beside: false,
    }
}

fn user(content: &str) -> Value {
    json!({"role": "user", "content": content})
}

/// A text of so many words that no other number has the beginning of.
fn report(number: u32, words: usize) -> String {
    format!("Report {number}: {}", prose(words))
}

/// So many words, a token each.
fn prose(words: usize) -> String {
    const WORDS: &str = "the pump in the cellar was checked in the morning and it ran as it should \
         but the valve behind it let some water through so that we put in a new one and wrote it down";
    let words: Vec<&str> = WORDS.split_whitespace().cycle().take(words).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::prompt::{SeenPrompt, fit};
    use crate::http::route::Inference;

    fn seen(request: &ScriptedRequest) -> SeenPrompt {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        fit(Inference::Chat, &body, 4096).unwrap()
    }

    #[test]
    fn the_prompts_are_as_long_as_their_troubles_need() {
        for round in [1, 9, 100, 9999] {
            let requests = texts_are_too_long(round);
            let messages = seen(&requests[1]);
            assert!(messages.whole_tokens > 9000 && messages.tokens > 3000);
            let full = seen(&requests[4]);
            assert_eq!(full.tokens, full.whole_tokens);
            // Its reply has more than 20.
            assert!((4080..4096).contains(&full.tokens), "{}", full.tokens);
        }
        let indexer = &large_models_are_in_each_others_way(1)[0];
        assert!(seen(indexer).tokens > 3000);
    }
}
