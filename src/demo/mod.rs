//! DEMO: a stand-in for Ollama in our own process, so that everything can be tried with no model.
//!
//! ```text
//! client ─▶ tap ─▶ standin ─▶ request ─▶ answer (a plan) ─▶ dialect ─▶ tap ─▶ client
//!                                │ refusal, lists
//! ```
//!
//! It answers on a port of its own, as any Ollama does, in the shapes of Ollama 0.33 and at the speed of a person's own machine; every
//! reply says that it is a demo's. `traffic` talks to it through the tap.

mod answer;
mod dialect;
mod lists;
mod models;
mod refusal;
mod request;
mod send;
pub mod standin;
mod talk;
#[cfg(test)]
mod tests;
pub mod traffic;
mod words;

pub use models::MODELS;
