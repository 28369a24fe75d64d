//! Records as chats leave them: 2 KB as a line of JSON, of which the prompt is 300 bytes.
//!
//! Text is made of 4,000 invented words of one to four syllables, drawn so that the first are common and the last are rare, as
//! words are; so it neither shrinks to nothing nor stays as it is when it is compressed, and most groups of three letters are
//! in many prompts. The same seed gives the same records.

use std::iter;

use fastrand::Rng;
use serde_json::json;

use crate::history::record::Record;

/// Bytes of a prompt.
const PROMPT: usize = 300;

/// Bytes of a reply: what makes the line of JSON 2,000 bytes long.
const REPLY: usize = 648;

const WORDS: usize = 4000;

/// Characters of a text in its preview.
const PREVIEW: usize = 100;

/// A word of one record's prompt, in the middle of all, and of no other.
pub const RARE: &str = "quetzalcoatlus";

/// Makes texts.
pub struct Author {
    rng: Rng,
    words: Vec<String>,
}

impl Author {
    pub fn new(seed: u64) -> Author {
        let mut words = Rng::with_seed(0); // the language is the same for all
        Author {
            words: (0..WORDS).map(|_| word(&mut words)).collect(),
            rng: Rng::with_seed(seed),
        }
    }

    /// A text of so many bytes.
    pub fn text(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            // The square makes the first words common.
            text.push_str(&self.words[(self.rng.f64().powi(2) * WORDS as f64) as usize]);
            text.push(if self.rng.u8(..16) == 0 { '\n' } else { ' ' });
        }
        text.truncate(bytes);
        text
    }

    fn record(&mut self, timestamp: f64) -> Record {
        let (prompt, reply) = (self.text(PROMPT), self.text(REPLY));
        let speed = 20.0 + self.rng.f64() * 80.0;
        let tokens = self.rng.u64(20..800);
        let seconds = tokens as f64 / speed;
        let failed = self.rng.u8(..50) == 0;
        Record {
            interaction_id: format!("{:016x}", self.rng.u64(..)),
            timestamp,
            model: Some(["llama3.2:latest", "qwen3:8b", "phi4"][self.rng.usize(..3)].to_owned()),
            endpoint: ["api/chat", "api/generate", "v1/chat/completions"][self.rng.usize(..3)]
                .to_owned(),
            prompt_category: ["question", "code_write", "summarize", "other"][self.rng.usize(..4)]
                .to_owned(),
            prompt_preview: Some(prompt[..PREVIEW].to_owned()),
            prompt_full: Some(prompt),
            prompt_tokens: Some(self.rng.u64(60..90)),
            generated_tokens: Some(tokens),
            tokens_per_second: Some(speed),
            duration_seconds: Some(seconds * 1.2),
            eval_duration_seconds: Some(seconds),
            load_duration_seconds: Some(self.rng.f64() / 10.0),
            status: if failed { "error" } else { "success" }.to_owned(),
            error: failed.then(|| "ollama broke: connection reset".to_owned()),
            metadata: json!({
                "client_ip": format!("192.168.1.{}", self.rng.u8(..)),
                "user_agent": "ollama-python/0.6.0 (x86_64 linux) Python/3.11.2",
                "queue_wait_seconds": self.rng.f64() / 1e4,
            }),
            response_preview: Some(reply[..PREVIEW].to_owned()),
            response_full: Some(reply),
            thinking_full: None,
            tool_calls: None,
            prompt_eval_duration_seconds: Some(self.rng.f64() / 5.0),
            total_duration_seconds: Some(seconds * 1.1),
            time_to_first_token_seconds: Some(self.rng.f64()),
            http_status: Some(200),
            stream: Some(true),
            done_reason: Some("stop".to_owned()),
            tokens_estimated: Some(false),
            request_bytes: Some(self.rng.u64(400..500)),
            response_bytes: Some(tokens * 110),
            truncated: Some(false),
            prompt_cached_tokens: None,
            host: Some("bench".to_owned()),
            tap: Some(11434),
            ..Record::default()
        }
    }
}

/// So many records of the seconds from `first` to `last` (Unix time), oldest first and evenly spread.
pub fn records(count: usize, first: f64, last: f64) -> impl Iterator<Item = Record> {
    let mut author = Author::new(1);
    let step = (last - first) / count as f64;
    (0..count).map(move |n| {
        let mut record = author.record(first + (n as f64 + 0.5) * step);
        if n == count / 2 {
            record.prompt_full = Some(format!("{RARE} {}", common_words_in_rare_order()));
        }
        record
    })
}

/// Four words that are in very many prompts, as they follow each other in the same prompt as `RARE` and hardly in another.
pub fn common_words_in_rare_order() -> String {
    [7, 3, 9, 5]
        .map(|rank| Author::new(0).words[rank].clone())
        .join(" ")
}

fn word(rng: &mut Rng) -> String {
    const ONSETS: [&str; 20] = [
        "b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st", "tr",
        "pl", "ch", "th",
    ];
    const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ea", "ou", "ie"];
    const CODAS: [&str; 8] = ["", "", "n", "r", "s", "t", "l", "nd"];
    let syllables = rng.usize(1..=4);
    iter::repeat_with(|| {
        [
            ONSETS[rng.usize(..ONSETS.len())],
            VOWELS[rng.usize(..VOWELS.len())],
            CODAS[rng.usize(..CODAS.len())],
        ]
        .concat()
    })
    .take(syllables)
    .collect()
}
