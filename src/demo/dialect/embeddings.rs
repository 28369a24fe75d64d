//! Vectors for texts, in the three shapes that Ollama has for them. The same text has the same vector.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::native;
use crate::demo::answer::prompt_tokens;
use crate::demo::request::Ask;
use crate::http::route::Inference;

/// Numbers in a vector.
const DIMENSIONS: usize = 64;

/// The body of a reply that took so long, `load` of it to load the model.
pub fn reply(ask: &Ask, total: Duration, load: Duration) -> String {
    let inputs = ask.inputs();
    let vectors: Vec<Vec<f32>> = inputs.iter().map(|text| vector(text)).collect();
    let tokens = tokens(ask);
    match ask.endpoint {
        Inference::Embed => native::embed(ask, vectors, tokens, total, load),
        Inference::Embeddings => json!({ "embedding": vectors.into_iter().next() }).to_string(),
        _ => {
            let is_base64 = ask.body["encoding_format"] == "base64";
            let entry = |(i, vector)| json!({ "object": "embedding", "embedding": written(vector, is_base64), "index": i });
            let data: Vec<Value> = vectors.into_iter().enumerate().map(entry).collect();
            let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
            format!(
                "{}\n",
                json!({ "object": "list", "data": data, "model": ask.name, "usage": usage })
            )
        }
    }
}

/// The tokens in all texts together.
pub fn tokens(ask: &Ask) -> u64 {
    ask.inputs().iter().map(|text| prompt_tokens(text)).sum()
}

/// A vector of about length 1.
fn vector(text: &str) -> Vec<f32> {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let mut rng = fastrand::Rng::with_seed(hasher.finish());
    let spread = (3.0 / DIMENSIONS as f32).sqrt();
    std::iter::repeat_with(|| (rng.f32() * 2.0 - 1.0) * spread)
        .take(DIMENSIONS)
        .collect()
}

fn written(vector: Vec<f32>, is_base64: bool) -> Value {
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
