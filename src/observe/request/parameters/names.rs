//! The names that parameters may have, and the words that may be their values.

use crate::http::route::Dialect;

/// Beside the prompt, on Ollama's own routes.
const NATIVE: [&str; 11] = [
    "dimensions",
    "height",
    "keep_alive",
    "logprobs",
    "raw",
    "shift",
    "steps",
    "think",
    "top_logprobs",
    "truncate",
    "width",
];

/// Beside the prompt, on all other routes.
const COMPATIBLE: [&str; 27] = [
    "background",
    "best_of",
    "dimensions",
    "echo",
    "encoding_format",
    "keep_alive",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "max_tool_calls",
    "n",
    "options",
    "output_config",
    "parallel_tool_calls",
    "quality",
    "reasoning",
    "reasoning_effort",
    "service_tier",
    "size",
    "steps",
    "store",
    "thinking",
    "tool_choice",
    "top_logprobs",
    "truncation",
    "verbosity",
];

/// Options of a model: in `options` on Ollama's own routes, beside the prompt on all others.
pub const MODEL: [&str; 31] = [
    "draft_num_predict",
    "f16_kv",
    "frequency_penalty",
    "logits_all",
    "low_vram",
    "main_gpu",
    "min_p",
    "mirostat",
    "mirostat_eta",
    "mirostat_tau",
    "num_batch",
    "num_ctx",
    "num_gpu",
    "num_keep",
    "num_predict",
    "num_thread",
    "numa",
    "penalize_newline",
    "presence_penalty",
    "repeat_last_n",
    "repeat_penalty",
    "repetition_penalty",
    "seed",
    "temperature",
    "tfs_z",
    "top_k",
    "top_p",
    "typical_p",
    "use_mlock",
    "use_mmap",
    "vocab_only",
];

/// The texts that a parameter may have as its value.
pub const WORDS: [&str; 28] = [
    "adaptive",
    "any",
    "auto",
    "base64",
    "concise",
    "custom",
    "default",
    "detailed",
    "disabled",
    "enabled",
    "flex",
    "float",
    "function",
    "hd",
    "high",
    "low",
    "max",
    "medium",
    "minimal",
    "none",
    "omitted",
    "priority",
    "required",
    "scale",
    "standard",
    "summarized",
    "tool",
    "xhigh",
];

/// Returns whether a key of the body, in lower case, is the name of a parameter.
pub fn is_parameter(dialect: Dialect, key: &str) -> bool {
    match dialect {
        Dialect::Native => NATIVE.contains(&key),
        Dialect::OpenAi | Dialect::Responses | Dialect::Anthropic => {
            COMPATIBLE.contains(&key) || MODEL.contains(&key)
        }
    }
}

/// Returns the names that the object which is the value of `name` may have.
pub fn parts(name: &str) -> &'static [&'static str] {
    match name {
        "options" => &MODEL,
        "output_config" => &["effort"],
        "reasoning" => &["effort", "summary"],
        "thinking" => &["budget_tokens", "type"],
        "tool_choice" => &["function", "name", "type"],
        "function" => &["name"],
        _ => &[],
    }
}
