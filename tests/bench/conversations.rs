//! Bodies of requests as they come in long conversations.

use serde_json::{Value, json};

use crate::records::Author;

/// What is spoken of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// A chat in words.
    Chat,
    /// Files of a program.
    Code,
    /// An agent that has tools, calls them, and reads what they return.
    Tools,
}

/// A file of a program.
const CODE: &str = include_str!("../../src/server/event_loop.rs");

/// Bytes of each text, at most.
const TEXT: usize = 1500;

/// A request for /api/chat of at least so many bytes, and about so many.
pub fn body(traffic: Traffic, bytes: usize) -> Vec<u8> {
    let mut author = Author::new(3);
    let mut request = json!({
        "model": "qwen3:30b",
        "options": {"num_ctx": 32768},
        "messages": [{"role": "system", "content": author.text(200)}],
    });
    if traffic == Traffic::Tools {
        request["tools"] = (0..bytes / 5000)
            .map(|number| tool(number, &mut author))
            .collect();
    }
    let mut turn = 0;
    loop {
        let body = request.to_string().into_bytes();
        if body.len() >= bytes {
            return body;
        }
        let messages = request["messages"].as_array_mut().expect("a list");
        let text = TEXT.min(bytes - body.len());
        messages.extend(next(traffic, turn, text, &mut author));
        turn += 1;
    }
}

/// The messages of one turn, the longest of so many bytes in a chat.
fn next(traffic: Traffic, turn: usize, text: usize, author: &mut Author) -> Vec<Value> {
    match traffic {
        Traffic::Chat => vec![
            json!({"role": "user", "content": author.text(text / 5)}),
            json!({"role": "assistant", "content": author.text(text)}),
        ],
        Traffic::Code => {
            let start = turn * TEXT % (CODE.len() - TEXT);
            let code: String = CODE.chars().skip(start).take(TEXT).collect();
            vec![json!({"role": "user", "content": code})]
        }
        Traffic::Tools => {
            let rows: Vec<Value> = (0..10).map(|row| result(row, author)).collect();
            let call = json!({"function": {"name": "find", "arguments": {"pattern": author.text(20), "limit": turn}}});
            vec![
                json!({"role": "assistant", "content": "", "tool_calls": [call]}),
                json!({"role": "tool", "content": json!(rows).to_string()}),
            ]
        }
    }
}

fn tool(number: usize, author: &mut Author) -> Value {
    let argument = |author: &mut Author| json!({"type": "string", "description": author.text(60)});
    let arguments =
        json!({"pattern": argument(author), "path": argument(author), "limit": argument(author)});
    json!({"type": "function", "function": {
        "name": format!("tool_{number}"),
        "description": author.text(400),
        "parameters": {"type": "object", "properties": arguments, "required": ["pattern"]},
    }})
}

/// What a tool returns for one file.
fn result(number: usize, author: &mut Author) -> Value {
    let name = author.text(12);
    json!({"path": format!("/srv/app/{number}/{}.rs", name.trim()), "line": number * 37, "exact": number.is_multiple_of(2), "text": author.text(60)})
}
