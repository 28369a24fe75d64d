//! Diagnosis of what was recorded of a real Ollama (tests/data/context), where each exchange has a label that says what was cut.

mod chats;
mod counted;
pub mod labels;
pub mod recorded;
mod sentences;
mod signature;
mod traps;
