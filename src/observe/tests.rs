//! The whole observer against what real servers said: the recordings of tests/data/transcripts.

/// The cached part of a prompt, and the times that come beside it.
mod cached;
/// Times, counters and ends that no recording has.
mod endings;
/// What other servers, gateways and scripts make of the dialects.
mod family;
/// Recordings, and ways to show them to an observer.
pub mod recorded;
/// What each recorded reply comes to.
mod replies;
/// What a request's body says, however it is written.
mod requests;
/// The same reply, split anywhere, compressed, and broken.
mod splits;
