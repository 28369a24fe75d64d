//! A stand-in for Ollama in our own process, so that everything can be tried without a model.
//!
//! ```text
//! tap ─▶ fake_ollama ─┬▶ request ─▶ prompt ─▶ generation (a plan) ─▶ dialect ─┬▶ send ─▶ tap
//!                     │                       loaded_models                   │
//!                     └▶ catalog, error_reply ────────────────────────────────┘
//! ```
//!
//! It answers on a port of its own, as any Ollama does, in the shapes of Ollama 0.33 and at the speed of a usual computer. Every
//! reply is marked as one of the demo. `traffic` sends requests to it through the tap: those of `script`
//! meet no trouble, those of `troubles` do.

mod catalog;
mod dialect;
mod error_reply;
pub mod fake_ollama;
mod generation;
mod loaded_models;
mod models;
mod prompt;
mod request;
mod script;
mod send;
#[cfg(test)]
mod tests;
mod texts;
pub mod traffic;
mod troubles;

pub use models::MODELS;
