//! The whole observer against what real servers said: the recordings of tests/data/transcripts.

/// Requests whose body is cut, damaged or not what any client sends.
mod broken_requests;
/// The cached part of a prompt, and the times that come beside it.
mod cached;
/// Requests whose body is compressed, whole and broken.
mod compressed_requests;
/// Times and ends that no recording has.
mod endings;
/// The forms that servers, gateways and scripts give a reply.
mod formats;
/// Replies that are too long to keep.
mod limits;
/// Pictures, decisions, tool calls in pieces, transcriptions.
mod media;
/// Messages of HTTP/1 as a recording holds them.
pub mod message;
/// Values and lines that no client expects.
mod odd_values;
/// How an exchange ended, judged by what its reply held.
mod outcomes;
/// Recordings, and ways to show them to an observer.
pub mod recorded;
/// What each recorded error comes to.
mod recorded_errors;
/// What each recorded reply comes to.
mod replies;
/// What a request's body says, however it is written.
mod requests;
/// The same reply, split anywhere, compressed, and broken.
mod splits;
/// Replies that a test writes out itself.
mod written;
