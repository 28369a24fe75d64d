//! Embeddings of texts, in the three shapes that Ollama has for them. The same text has the same vector.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::native;
use crate::demo::error_reply::ErrorReply;
use crate::demo::prompt;
use crate::demo::request::PromptRequest;
use crate::http::route::Inference;

/// The length of a vector.
const DIMENSIONS: usize = 64;

/// Returns the body of a reply that took `total`, of which `load` loaded the model.
pub fn reply(request: &PromptRequest, total: Duration, load: Duration) -> String {
    let inputs = request.inputs();
    let vectors: Vec<Vec<f32>> = inputs.iter().map(|text| vector(text)).collect();
    let tokens = tokens(request);
    match request.endpoint {
        Inference::Embed => native::embed(request, vectors, tokens, total, load),
        Inference::Embeddings => json!({ "embedding": vectors.into_iter().next() }).to_string(),
        _ => {
            let is_base64 = request.body["encoding_format"] == "base64";
            let entry = |(i, vector)| json!({ "object": "embedding", "embedding": encode(vector, is_base64), "index": i });
            let data: Vec<Value> = vectors.into_iter().enumerate().map(entry).collect();
            let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
            format!(
                "{}\n",
                json!({ "object": "list", "data": data, "model": request.name, "usage": usage })
            )
        }
    }
}

/// Counts the tokens of all texts that the model sees: of a long one the end is dropped.
pub fn tokens(request: &PromptRequest) -> u64 {
    let inputs = request.inputs();
    let seen = inputs
        .iter()
        .map(|text| prompt::tokens(text).min(tokens_max(request)));
    seen.sum()
}

/// Refuses a text that does not fit, where Ollama does that rather than cut it.
pub fn check_length(request: &PromptRequest) -> Result<(), ErrorReply> {
    let refuses = request.endpoint == Inference::Embeddings || request.body["truncate"] == false;
    let is_long = |text: &String| prompt::tokens(text) > tokens_max(request);
    if refuses && request.inputs().iter().any(is_long) {
        let status = if request.endpoint == Inference::Embeddings {
            500
        } else {
            400
        };
        return Err(ErrorReply::new(
            status,
            "the input length exceeds the context length",
        ));
    }
    Ok(())
}

/// The most tokens of a text: two more stand around it.
fn tokens_max(request: &PromptRequest) -> u64 {
    request.context_length - 2
}

/// Returns a vector of length 1, roughly.
fn vector(text: &str) -> Vec<f32> {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let mut rng = fastrand::Rng::with_seed(hasher.finish());
    let spread = (3.0 / DIMENSIONS as f32).sqrt();
    std::iter::repeat_with(|| (rng.f32() * 2.0 - 1.0) * spread)
        .take(DIMENSIONS)
        .collect()
}

fn encode(vector: Vec<f32>, is_base64: bool) -> Value {
    match is_base64 {
        true => json!(
            STANDARD.encode(
                vector
                    .iter()
                    .flat_map(|number| number.to_le_bytes())
                    .collect::<Vec<u8>>()
            )
        ),
        false => json!(vector),
    }
}
