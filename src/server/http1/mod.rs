//! HTTP/1.1 on bytes: the start and end of each request, and its demands on the connection. Pure: no sockets, no clock.
//!
//! ```text
//! bytes ─▶ HeadReader ─▶ RequestHead ─▶ framing() ─▶ BodyDecoder ─▶ the bytes of the body; what is left over begins the next request
//!              └────────┴─▶ Refusal ◀────────┘
//! ```
//!
//! The rules are those of Go's net/http, which Ollama uses, or stricter, so that no two readings of the same bytes
//! are possible. A refusal ends the connection, because the start of the next request is not known.

mod body;
mod chunked;
mod decoded;
mod fields;
mod framing;
mod head;
mod hop_by_hop;
mod line;
mod refusal;
mod reply;
mod target;

pub use body::BodyDecoder;
pub use decoded::Decoded;
pub use framing::RequestFraming;
#[cfg(test)]
pub use head::HEAD_MAX;
pub use head::{HeadReader, RequestHead};
pub use line::Version;
pub use refusal::{Reason, Refusal};
pub use reply::{ReplyFraming, ReplyHead, end_of_reply_head};
