//! The labelled set, whole: how many cuts are found, and how many whole prompts are called cut.

use std::fs;
use std::time::SystemTime;

use serde_json::Value;

use super::labels::{Score, verdict};
use super::recorded::{Case, cases, data, endpoint, measures};
use crate::diagnose::Certainty;
use crate::diagnose::context::said::{Line, Said};
use crate::diagnose::context::{Memory, findings};
use crate::diagnose::prompt::{Keys, Message, MessageRole, Prompt};
use crate::diagnose::seen::{Loaded, Options, Reply, Seen, Times};

fn all(keys: &Keys) -> Vec<Case> {
    let mut all = cases("cuts", keys);
    all.extend(cases("conversations", keys));
    all
}

/// Each case alone, with its chat before it.
fn alone(with_log: bool) -> Score {
    let (mut score, keys) = (Score::default(), Keys::new());
    let mut memory = (Value::Null, Memory::default());
    for case in all(&keys) {
        let chat = case.label["conversation"].clone();
        if chat.is_null() || chat != memory.0 {
            memory = (chat, Memory::default());
        }
        score.note(
            &case.name,
            case.is_cut(),
            verdict(&case, with_log, &mut memory.1),
        );
    }
    score
}

/// All cases one after another, through one tap.
fn together(with_log: bool) -> Score {
    let (mut score, keys, mut memory) = (Score::default(), Keys::new(), Memory::default());
    for case in all(&keys) {
        score.note(
            &case.name,
            case.is_cut(),
            verdict(&case, with_log, &mut memory),
        );
    }
    score
}

#[test]
fn cuts_are_found_and_whole_prompts_are_left_alone() {
    alone(false).is_at_least("each alone", 0.72, 0.92);
    alone(true).is_at_least("each alone, with the log", 0.86, 0.93);
    together(false).is_at_least("together", 0.72, 0.92);
    together(true).is_at_least("together, with the log", 0.86, 0.93);
}

#[test]
fn random_cuts_are_found_and_random_whole_prompts_are_left_alone() {
    random(false, false).is_at_least("random, each alone", 0.52, 0.9);
    random(true, false).is_at_least("random, each alone, with the log", 0.83, 0.93);
    random(false, true).is_at_least("random, together", 0.52, 0.9);
    random(true, true).is_at_least("random, together, with the log", 0.83, 0.93);
}

fn random(with_log: bool, together: bool) -> Score {
    let (mut score, mut memory) = (Score::default(), Memory::default());
    let lines = fs::read_to_string(data().join("random.jsonl")).unwrap();
    for (number, line) in lines.lines().enumerate() {
        let label: Value = serde_json::from_str(line).unwrap();
        if !together {
            memory = Memory::default();
        }
        let seen = seen(&label, number as u64);
        let warned = Line::Truncating {
            prompt: label["whole_prompt_tokens"].as_u64().unwrap(),
            new: 0,
        };
        let said = Said {
            line: warned,
            certainty: Certainty::Sure,
        };
        let is_logged = with_log && label["log"] == true;
        let found = findings(
            &seen,
            if is_logged {
                std::slice::from_ref(&said)
            } else {
                &[]
            },
            &mut memory,
        );
        let prompt = found.iter().find(|finding| finding.cause != "reply");
        let is_cut = label["prompt_cut"] == true || label["refused"] == true;
        let verdict = prompt.map(|finding| finding.certainty);
        score.note(label["name"].as_str().unwrap(), is_cut, verdict);
    }
    score
}

/// What is known of a request without text: sums over its messages, and of what kind it was.
fn seen(label: &Value, hash: u64) -> Seen {
    let of = &label["seen"];
    let number = |name: &str| of[name].as_u64();
    let user = match number("W").unwrap() {
        0 => 0.0,
        words => number("WU").unwrap() as f64 / words as f64,
    };
    let other = match label["shape"].as_str().unwrap() {
        "system" => MessageRole::System,
        _ => MessageRole::Assistant,
    };
    // How a chat's texts lie on its messages is not told.
    let is_folded = matches!(label["shape"].as_str(), Some("turns" | "lastlong"));
    let mut prompt = Prompt {
        is_folded,
        ..Prompt::default()
    };
    for (role, part) in [(MessageRole::User, user), (other, 1.0 - user)] {
        let text = measures(of, part);
        prompt.push(Message {
            role,
            text,
            has_markup: true,
            hash,
            ..Message::default()
        });
    }
    prompt.messages.retain(|message| message.text.bytes > 0);
    Seen {
        interaction_id: String::new(),
        endpoint: endpoint(label),
        model: label["model"].as_str().unwrap().to_owned(),
        client: None,
        arrived: SystemTime::UNIX_EPOCH,
        prompt,
        options: Options {
            num_keep: of["keeps"][0].as_i64(),
            num_predict: of["lim"].as_i64(),
            ..Options::default()
        },
        reply: Reply {
            status: number("status").map(|status| status as u16),
            error: label["reply"]["error"].as_str().map(str::to_owned),
            done_reason: of["done"].as_str().map(str::to_owned),
            prompt_tokens: number("P"),
            generated_tokens: number("G"),
            context_array: number("ctxlen"),
            ..Reply::default()
        },
        times: Times::default(),
        loaded: Some(Loaded {
            context_length: number("C"),
            ..Loaded::default()
        }),
    }
}
