//! The bounds of the recorded parts of an exchange, in bytes unless stated otherwise.

/// Any one text of an exchange: a prompt, a response, its thinking, its tool calls together.
pub const MAX_TEXT: usize = 1 << 20;

/// The messages of a request together, the newest first; in a record, as JSON.
pub const MAX_CONVERSATION: usize = 256 << 10;

/// The beginning of a prompt that is shown while its request is under way, in characters.
pub const PROMPT_START_CHARS: usize = 80;

/// A name: a model's, a function's, a reason's.
pub const MAX_NAME: usize = 512;

/// The text of an error.
pub const MAX_ERROR_TEXT: usize = 8 << 10;

/// The body of a reply that is an error.
pub const MAX_ERROR_BODY: usize = 64 << 10;

/// A reply of one object that is kept whole.
pub const MAX_SINGLE_BODY: usize = 8 << 20;

/// A reply of vectors, of which only the counters matter.
pub const MAX_VECTORS_BODY: usize = 64 << 10;

/// A line that is kept whole: Ollama's own clients refuse longer ones.
pub const MAX_LINE: usize = 8 << 20;

/// The end of a text that is longer than its bound: the counters stand there.
pub const TAIL_SIZE: usize = 16 << 10;

/// Tool calls of one reply.
pub const MAX_TOOL_CALLS: usize = 256;
