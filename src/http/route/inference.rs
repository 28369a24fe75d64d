//! INFERENCE: the endpoints that run a model, and their dialects.

/// The endpoints that run a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inference {
    Generate,
    Chat,
    Embed,
    Embeddings,
    V1ChatCompletions,
    V1Completions,
    V1Embeddings,
    V1Responses,
    V1Messages,
    V1Systemone,
    V1ImageGenerations,
    V1ImageEdits,
    V1Transcriptions,
}

/// The wire format that an endpoint speaks: its errors, its streams, its counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Native,
    OpenAi,
    Responses,
    Anthropic,
}

impl Dialect {
    pub const ALL: [Dialect; 4] = [
        Dialect::Native,
        Dialect::OpenAi,
        Dialect::Responses,
        Dialect::Anthropic,
    ];

    /// Label `dialect` of `ollama_tap_parse_failures_total`.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Native => "native",
            Dialect::OpenAi => "openai",
            Dialect::Responses => "responses",
            Dialect::Anthropic => "anthropic",
        }
    }
}

impl Inference {
    pub const ALL: [Inference; 13] = [
        Inference::Generate,
        Inference::Chat,
        Inference::Embed,
        Inference::Embeddings,
        Inference::V1ChatCompletions,
        Inference::V1Completions,
        Inference::V1Embeddings,
        Inference::V1Responses,
        Inference::V1Messages,
        Inference::V1Systemone,
        Inference::V1ImageGenerations,
        Inference::V1ImageEdits,
        Inference::V1Transcriptions,
    ];

    /// Label `endpoint`: the path without its first slash.
    pub fn as_str(self) -> &'static str {
        match self {
            Inference::Generate => "api/generate",
            Inference::Chat => "api/chat",
            Inference::Embed => "api/embed",
            Inference::Embeddings => "api/embeddings",
            Inference::V1ChatCompletions => "v1/chat/completions",
            Inference::V1Completions => "v1/completions",
            Inference::V1Embeddings => "v1/embeddings",
            Inference::V1Responses => "v1/responses",
            Inference::V1Messages => "v1/messages",
            Inference::V1Systemone => "v1/systemone",
            Inference::V1ImageGenerations => "v1/images/generations",
            Inference::V1ImageEdits => "v1/images/edits",
            Inference::V1Transcriptions => "v1/audio/transcriptions",
        }
    }

    pub fn dialect(self) -> Dialect {
        match self {
            Inference::Generate | Inference::Chat | Inference::Embed | Inference::Embeddings => {
                Dialect::Native
            }
            Inference::V1Responses => Dialect::Responses,
            Inference::V1Messages => Dialect::Anthropic,
            Inference::V1ChatCompletions
            | Inference::V1Completions
            | Inference::V1Embeddings
            | Inference::V1Systemone => Dialect::OpenAi,
            Inference::V1ImageGenerations
            | Inference::V1ImageEdits
            | Inference::V1Transcriptions => Dialect::OpenAi,
        }
    }

    /// Returns whether the endpoint turns text into vectors (`TRACK_EMBEDDINGS`).
    pub fn is_embedding(self) -> bool {
        matches!(
            self,
            Inference::Embed | Inference::Embeddings | Inference::V1Embeddings
        )
    }

    /// Returns whether the endpoint makes pictures, which are not tokens.
    pub fn is_image(self) -> bool {
        matches!(
            self,
            Inference::V1ImageGenerations | Inference::V1ImageEdits
        )
    }
}
