//! DIAGNOSE: why a model was slow or dumb, from what was seen of its requests.
//!
//! Pure functions: `Seen` goes in, `Finding`s come out. They know neither connections nor clocks nor stores; what they have to
//! remember of earlier requests lies in maps with bounds. A false alarm costs more than a miss, so that nothing is called
//! `Sure` that only an estimate says.

pub mod bad_reply;
pub mod bounded;
pub mod cache;
pub mod context;
pub mod cpu;
pub mod diagnosis;
pub mod evidence;
pub mod finding;
pub mod fingerprint;
pub mod groups;
pub mod keep_alive;
pub mod listing;
pub mod load_options;
pub mod measure;
pub mod notices;
pub mod prompt;
#[cfg(test)]
pub mod recordings;
pub mod reload;
mod runner;
pub mod seen;
pub mod session;
pub mod slower;
pub mod span;
#[cfg(test)]
pub mod tests;
pub mod time_spent;
pub mod timeline;
pub mod waited;
mod words;

pub use finding::{Certainty, Finding, Kind};
pub use seen::Seen;
