//! SEEN: what the tap saw of one exchange, as far as diagnosis needs it. No text is in it but Ollama's own errors.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::prompt::Prompt;
use crate::http::route::Inference;

/// One exchange. Unknown is `None`, never 0.
#[derive(Clone, Debug)]
pub struct Seen {
    pub interaction_id: String,
    pub endpoint: Inference,
    /// Folded.
    pub model: String,
    /// The client's product, without its version.
    pub client: Option<String>,
    pub arrived: SystemTime,
    pub prompt: Prompt,
    pub options: Options,
    pub reply: Reply,
    pub times: Times,
    /// What /api/ps told of the model while this request ran, or after it: `None` where no answer is young enough to count.
    pub loaded: Option<Loaded>,
}

/// The options of the request that decide how much of a prompt a model sees, and whether it is loaded again for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub num_ctx: Option<i64>,
    pub num_batch: Option<i64>,
    pub num_gpu: Option<i64>,
    pub main_gpu: Option<i64>,
    pub num_thread: Option<i64>,
    pub draft_num_predict: Option<i64>,
    pub use_mmap: Option<bool>,
    pub num_keep: Option<i64>,
    /// The most tokens of the reply, by whatever name the route has for it.
    pub num_predict: Option<i64>,
    pub shift: Option<bool>,
    pub truncate: Option<bool>,
    /// The prompt goes to the model as it is, without a template.
    pub raw: bool,
    /// The reply was asked to be JSON.
    pub wants_json: bool,
}

impl Options {
    /// Reads what a request to a route of Ollama's own has of them, by their names there.
    pub fn of_native(parameters: &Map<String, Value>) -> Options {
        let number = |name: &str| parameters.get(name).and_then(whole_number);
        let flag = |name: &str| parameters.get(name).and_then(Value::as_bool);
        Options {
            num_ctx: number("num_ctx"),
            num_batch: number("num_batch"),
            num_gpu: number("num_gpu"),
            main_gpu: number("main_gpu"),
            num_thread: number("num_thread"),
            draft_num_predict: number("draft_num_predict"),
            use_mmap: flag("use_mmap"),
            num_keep: number("num_keep"),
            num_predict: number("num_predict"),
            shift: flag("shift"),
            truncate: flag("truncate"),
            raw: flag("raw") == Some(true),
            wants_json: false,
        }
    }
}

/// Returns a whole number. Ollama takes one with a fraction as the whole number before it.
pub fn whole_number(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else {
        return None;
    };
    match number.as_u64() {
        Some(number) => Some(i64::try_from(number).unwrap_or(i64::MAX)),
        None => number
            .as_i64()
            .or_else(|| number.as_f64().map(|number| number as i64)),
    }
}

/// What the reply said of itself.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: Option<u16>,
    /// Ollama's own words.
    pub error: Option<String>,
    pub done_reason: Option<String>,
    /// Of the prompt, those from the cache included.
    pub prompt_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
    pub generated_tokens: Option<u64>,
    /// A count above is not Ollama's.
    pub estimated: bool,
    /// How many numbers the array `context` of /api/generate has.
    pub context_array: Option<u64>,
    /// `prompt::hash_of_reply` of its visible text, where that neither begins nor ends with white space and no tool is called:
    /// sent back, it counts what it counted when it was generated.
    pub text: Option<u64>,
    /// It has thinking.
    pub thinks: bool,
}

/// How long each part took, by Ollama's clock but for the first two.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// From arrival to the last byte.
    pub duration: Duration,
    /// From arrival to the first byte of the reply.
    pub first_byte: Option<Duration>,
    /// In the tap, before a worker took the request.
    pub queue_wait: Duration,
    pub total: Option<Duration>,
    pub load: Option<Duration>,
    pub prompt: Option<Duration>,
    pub generation: Option<Duration>,
}

/// A model in an answer of /api/ps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub context_length: Option<u64>,
    /// Bytes.
    pub size: u64,
    pub size_vram: u64,
}
