//! The requests of the demo's traffic that meet no trouble: every endpoint, every category, and
//! several clients.

use std::borrow::Cow;

/// A request of the traffic.
#[derive(Clone)]
pub struct ScriptedRequest {
    pub user_agent: &'static str,
    pub path: &'static str,
    pub body: Cow<'static, str>,
    /// The client disconnects as soon as the reply begins.
    pub disconnects: bool,
    /// The next request does not wait for its reply.
    pub is_beside: bool,
}

pub const CURL: &str = "curl/8.5.0 (ollama-tap demo)";
pub const OLLAMA: &str = "ollama-python/0.6.3 (ollama-tap demo)";
const OPENAI: &str = "OpenAI/Python 3.52.0 (ollama-tap demo)";
const ANTHROPIC: &str = "Anthropic/Python 2.11.0 (ollama-tap demo)";

const fn scripted(
    user_agent: &'static str,
    path: &'static str,
    body: &'static str,
) -> ScriptedRequest {
    ScriptedRequest {
        user_agent,
        path,
        body: Cow::Borrowed(body),
        disconnects: false,
        is_beside: false,
    }
}

const fn disconnecting(
    user_agent: &'static str,
    path: &'static str,
    body: &'static str,
) -> ScriptedRequest {
    ScriptedRequest {
        user_agent,
        path,
        body: Cow::Borrowed(body),
        disconnects: true,
        is_beside: false,
    }
}

/// Whether the demo's own traffic calls itself so.
pub fn is_own_client(user_agent: &str) -> bool {
    user_agent.ends_with("(ollama-tap demo)")
}

/// The requests in their order.
pub const SCRIPT: [ScriptedRequest; 20] = [
    scripted(
        CURL,
        "/api/generate",
        r#"{"model":"demo-chat","prompt":"Why is the sky blue?"}"#,
    ),
    scripted(
        OLLAMA,
        "/api/chat",
        r#"{"model":"demo-think","messages":[{"role":"user","content":"Explain how a proxy works"}]}"#,
    ),
    scripted(
        OPENAI,
        "/v1/chat/completions",
        r#"{"model":"demo-chat","stream":true,"stream_options":{"include_usage":true},
            "messages":[{"role":"user","content":"Write some code that reverses a word"}]}"#,
    ),
    scripted(
        ANTHROPIC,
        "/v1/messages",
        r#"{"model":"demo-chat","max_tokens":400,"stream":true,"messages":[{"role":"user","content":"Create a short bedtime story"}]}"#,
    ),
    scripted(
        OPENAI,
        "/v1/responses",
        r#"{"model":"demo-think","stream":true,"input":"Analyze the risks of moving to another database"}"#,
    ),
    scripted(
        OLLAMA,
        "/api/embed",
        r#"{"model":"demo-embed","input":["a proxy","an exporter","a tap"]}"#,
    ),
    disconnecting(
        CURL,
        "/api/generate",
        r#"{"model":"demo-think","prompt":"Translate the whole Odyssey into French"}"#,
    ),
    scripted(
        OLLAMA,
        "/api/generate",
        r#"{"model":"demo-chat","prompt":"Summarize the minutes of the last meeting","stream":false}"#,
    ),
    scripted(
        OLLAMA,
        "/api/chat",
        r#"{"model":"demo-tools","messages":[{"role":"user","content":"What is the weather in Paris?"}],"tools":[{"type":"function",
            "function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]}"#,
    ),
    scripted(
        OPENAI,
        "/v1/chat/completions",
        r#"{"model":"demo-tools","messages":[{"role":"user","content":"Debug this: my loop never ends"}],"max_tokens":25}"#,
    ),
    scripted(
        CURL,
        "/api/generate",
        r#"{"model":"llama3.2","prompt":"Is there a model of that name?"}"#,
    ),
    scripted(
        OPENAI,
        "/v1/completions",
        r#"{"model":"demo-chat","prompt":"Translate 'good morning' into Japanese","stream":true}"#,
    ),
    scripted(
        OPENAI,
        "/v1/embeddings",
        r#"{"model":"demo-embed","input":"the tap is on","encoding_format":"base64"}"#,
    ),
    scripted(
        CURL,
        "/api/embeddings",
        r#"{"model":"demo-embed","prompt":"an old way to ask for a vector"}"#,
    ),
    scripted(
        ANTHROPIC,
        "/v1/messages",
        r#"{"model":"demo-think","max_tokens":300,"messages":[{"role":"user","content":"List three names for a cat"}]}"#,
    ),
    scripted(
        OPENAI,
        "/v1/responses",
        r#"{"model":"demo-chat","input":"I need help with my garden"}"#,
    ),
    scripted(
        OLLAMA,
        "/api/chat",
        r#"{"model":"demo-chat","messages":[{"role":"user","content":"Good evening"}],"stream":false}"#,
    ),
    disconnecting(
        OPENAI,
        "/v1/chat/completions",
        r#"{"model":"demo-think","stream":true,"messages":[{"role":"user","content":"Explain everything"}]}"#,
    ),
    scripted(
        ANTHROPIC,
        "/v1/messages",
        r#"{"model":"claude","max_tokens":100,"messages":[{"role":"user","content":"Are you there?"}]}"#,
    ),
    scripted(
        OPENAI,
        "/v1/completions",
        r#"{"model":"demo-chat","prompt":"Once upon a time"}"#,
    ),
];
