//! Addresses as users type them: of Ollama (`Upstream`), and to listen on (`ListenAddress`). Pure; nothing is resolved here.
//!
//! An upstream is read by Ollama's own rules for `OLLAMA_HOST`, so that a value which works for Ollama's clients works here
//! and means the same. A listening address has no scheme and is ours to define.

mod host;
mod listen;
mod ollama_host;
mod upstream;

pub use host::dialable_ip;
pub use listen::{ListenAddress, PROXY_DEFAULT_PORT};
pub use upstream::{OLLAMA_PORT, Scheme, Upstream};

#[cfg(test)]
mod tests;
