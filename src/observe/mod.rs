//! OBSERVE: an `Observer` gets the bytes and times of one exchange, ends exactly once, and hands on
//! an `Exchange`.
//!
//! It knows neither metrics nor store, never fails, and never delays a reply: the caller forwards
//! first and shows the bytes afterwards.

// First, because the modules below use its macro.
#[macro_use]
mod lenient;

pub mod category;
pub mod client_product;
pub mod content_encoding;
pub mod conversation;
mod event;
pub mod exchange;
mod json;
pub mod limits;
pub mod log_line;
pub mod model_name;
mod observer;
mod outcome;
mod progress;
mod reply;
pub mod request;
#[cfg(test)]
pub mod tests;
pub mod text;
mod tokens;

pub use event::{ExchangeEnd, ExchangeEvent, ExchangeStart, RequestBody, RequestStarted, Sink};
pub use exchange::{Exchange, Outcome};
pub use observer::Observer;
pub use outcome::{CANCELLED_THROUGH_TAP, message_in};
pub use progress::ReplyProgress;
