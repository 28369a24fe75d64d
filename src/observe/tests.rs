//! The whole observer, on the recordings of real servers in tests/data/transcripts and on written replies.

/// Requests whose body is cut, damaged or unlike that of any client.
mod broken_requests;
/// The cached part of a prompt, and the times beside it.
mod cached;
/// Requests whose body is compressed, whole and broken.
mod compressed_requests;
/// The conversation that a request says it is of.
mod conversations;
/// Cut prompts, as diagnosis is told of them.
mod diagnosed;
/// Sequences of requests, through all of diagnosis.
mod diagnosed_sequences;
/// What diagnosis is told, however the bytes come.
mod diagnosed_splits;
/// Times and ends that no recording has.
mod endings;
/// The forms that servers, gateways and scripts give a reply.
mod formats;
/// The messages of a request, as its record keeps them.
mod kept_messages;
/// Replies that are too long to keep.
mod limits;
/// Pictures, decisions, tool calls in pieces, transcriptions.
mod media;
/// HTTP/1 messages of a recording.
pub mod message;
/// Values and lines that no client expects.
mod odd_values;
/// The outcome of an exchange, by the contents of its reply.
mod outcomes;
/// What requests set beside their texts.
mod parameters;
/// Recorded exchanges, and an observer to replay them to.
pub mod recorded;
/// Recorded errors.
mod recorded_errors;
/// Recorded replies.
mod replies;
/// The model and the prompt of a request, however its body is written.
pub mod requests;
/// The same reply, split anywhere, compressed, and broken.
mod splits;
/// Replies that a test writes out itself.
mod written;
