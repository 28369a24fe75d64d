//! What a model gets to see of a request: its texts, and what Ollama cuts of them where they do not
//! fit into the context.

use serde_json::Value;

use super::error_reply::ErrorReply;
use super::request::items;
use crate::diagnose::measure::Measures;
use crate::http::route::Inference;

/// The first tokens of a prompt, which stay when its middle is dropped.
const KEPT_TOKENS: u64 = 4;

/// The end of every prompt, after which the model writes.
const REPLY_BEGINS: &str = "<|assistant|>";

const TOO_LONG: &str = "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length";

/// A prompt as the model sees it.
pub struct SeenPrompt {
    pub text: String,
    pub tokens: u64,
    /// The tokens of all that was sent.
    pub whole_tokens: u64,
}

/// A message, or the definitions of tools, as the template of the model writes it.
struct Part {
    text: String,
    tokens: u64,
    /// It is never dropped.
    is_system: bool,
}

/// Fits the texts of a request into a context of so many tokens, or refuses them, as Ollama does.
pub fn fit(
    endpoint: Inference,
    body: &Value,
    context_length: u64,
) -> Result<SeenPrompt, ErrorReply> {
    let mut parts = parts(body);
    let whole_tokens = count(&parts);
    if whole_tokens >= context_length {
        refuse(body, whole_tokens, context_length)?;
        let is_chat = endpoint != Inference::Generate && endpoint != Inference::V1Completions;
        if is_chat {
            drop_oldest(&mut parts, context_length);
        }
    }
    let tokens = count(&parts);
    let mut text: String = parts.into_iter().map(|part| part.text).collect();
    text += REPLY_BEGINS;
    let has_room = tokens < context_length;
    if !has_room {
        // Of what stays, only the beginning stands where it stood.
        text = text.chars().take(KEPT_TOKENS as usize).collect();
    }
    Ok(SeenPrompt {
        text,
        tokens: if has_room {
            tokens
        } else {
            without_middle(context_length)
        },
        whole_tokens,
    })
}

/// Returns the tokens that are left of a prompt whose middle was dropped.
fn without_middle(context_length: u64) -> u64 {
    context_length - ((context_length - KEPT_TOKENS) / 2).max(1)
}

/// Refuses a prompt that is too long, where the request asks for that rather than for a cut.
fn refuse(body: &Value, tokens: u64, context_length: u64) -> Result<(), ErrorReply> {
    if body["shift"] == false {
        return Err(ErrorReply::new(400, TOO_LONG));
    }
    if body["truncate"] == false {
        let message = format!(
            "request ({tokens} tokens) exceeds the available context size ({context_length} tokens), try increasing it"
        );
        let error = serde_json::json!({
            "code": 400, "message": message, "type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": context_length
        });
        return Err(ErrorReply::new(
            400,
            serde_json::json!({ "error": error }).to_string(),
        ));
    }
    Ok(())
}

/// Drops messages from the front until the rest fits; those of the system and the last one stay.
fn drop_oldest(parts: &mut Vec<Part>, context_length: u64) {
    let mut tokens = count(parts);
    while tokens > context_length {
        let spoken = parts.iter().filter(|part| !part.is_system).count();
        let Some(oldest) = parts
            .iter()
            .position(|part| !part.is_system)
            .filter(|_| spoken > 1)
        else {
            return;
        };
        tokens -= parts.remove(oldest).tokens;
    }
}

fn count(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.tokens).sum::<u64>() + tokens(REPLY_BEGINS)
}

/// Returns everything that the model is told, in its order, in any dialect.
fn parts(body: &Value) -> Vec<Part> {
    let tools = items(&body["tools"]).iter().map(Value::to_string);
    let system = [&body["system"], &body["instructions"]];
    let mut parts: Vec<Part> = tools
        .chain(system.into_iter().map(text))
        .filter(|text| !text.is_empty())
        .map(|text| Part::new("system", &text))
        .collect();
    let prompts = [&body["prompt"], &body["input"]];
    let prompts = prompts
        .into_iter()
        .filter(|prompt| prompt.is_string() || prompt[0].is_string());
    parts.extend(prompts.map(|prompt| Part::new("user", &text(prompt))));
    let messages = [items(&body["messages"]), items(&body["input"])];
    let messages = messages
        .into_iter()
        .flatten()
        .filter(|message| message.is_object());
    parts.extend(messages.map(|message| {
        let role = message["role"].as_str().unwrap_or("user");
        Part::new(role, &text(message))
    }));
    parts
}

impl Part {
    fn new(role: &str, text: &str) -> Part {
        let text = format!("<|{role}|>{text}\n");
        Part {
            tokens: tokens(&text),
            text,
            is_system: role == "system" || role == "developer",
        }
    }
}

/// Returns all texts in a value but those of pictures.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => {
            let is_text = |name: &str| {
                !matches!(
                    name,
                    "role" | "type" | "id" | "images" | "image_url" | "source"
                )
            };
            let fields = fields.iter().filter(|(name, _)| is_text(name));
            fields.map(|(_, value)| text(value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Counts the tokens of a text: a tokenizer of the demo's own, no word of whose is less than one
/// token, as with any other.
pub fn tokens(text: &str) -> u64 {
    let measures = Measures::of(text);
    let guess = measures.guess.ceil() as u64;
    guess.max(measures.runs).max(measures.words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(count: usize) -> String {
        vec!["word"; count].join(" ")
    }

    fn seen(endpoint: Inference, body: &Value) -> Result<SeenPrompt, ErrorReply> {
        fit(endpoint, body, 1024)
    }

    #[test]
    fn a_prompt_that_fits_is_seen_whole() {
        let body = json!({"messages": [{"role": "system", "content": "Hm"}, {"role": "user", "content": words(500)}]});
        let prompt = seen(Inference::Chat, &body).unwrap();
        assert_eq!(prompt.tokens, prompt.whole_tokens);
        assert!(prompt.text.contains("Hm") && (500..530).contains(&prompt.tokens));
    }

    #[test]
    fn of_a_long_prompt_the_middle_goes() {
        let prompt = seen(Inference::Generate, &json!({"prompt": words(2000)})).unwrap();
        assert_eq!(prompt.tokens, 514);
        assert!(prompt.whole_tokens > 2000);
    }

    #[test]
    fn of_a_long_chat_the_oldest_messages_go_and_the_system_prompt_stays() {
        let message = |role, content: &str| json!({"role": role, "content": format!("{content} {}", words(300))});
        let body = json!({"messages": [
            {"role": "system", "content": "rules"},
            message("user", "first"), message("assistant", "second"), message("user", "third"), message("user", "last"),
        ]});
        let prompt = seen(Inference::V1ChatCompletions, &body).unwrap();
        for (word, is_seen) in [
            ("rules", true),
            ("first", false),
            ("third", true),
            ("last", true),
        ] {
            assert_eq!(prompt.text.contains(word), is_seen, "{word}");
        }
        assert!((900..1024).contains(&prompt.tokens), "{}", prompt.tokens);
    }

    #[test]
    fn a_request_that_wants_no_cut_is_refused() {
        let refusal = |field: &str| {
            let mut body = json!({"messages": [{"role": "user", "content": words(2000)}]});
            body[field] = json!(false);
            seen(Inference::Chat, &body).err().unwrap()
        };
        assert!(
            refusal("truncate")
                .message
                .contains("exceeds the available context size (1024 tokens)")
        );
        assert!(
            refusal("shift")
                .message
                .starts_with("the prompt is longer than the context length")
        );
    }

    #[test]
    fn pictures_are_no_text() {
        let picture = json!({"type": "image_url", "image_url": {"url": words(5000)}});
        let content = json!([picture, {"type": "text", "text": "What is this?"}]);
        let body =
            json!({"messages": [{"role": "user", "content": content, "images": [words(5000)]}]});
        assert!(seen(Inference::Chat, &body).unwrap().tokens < 30);
    }
}
