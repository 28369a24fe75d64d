//! The tool calls of a reply, put together from the deltas of streams, within bounds.

use super::exchange::ToolCall;
use super::facts::MAX_NAME;
use super::text::{MAX_TEXT, prefix};

/// The most tool calls that are kept of one reply.
pub const MAX_TOOL_CALLS: usize = 256;

/// Tool calls, each with the index under which its deltas come. Together at most `MAX_TEXT`; the first that is too much ends
/// them, so that no arguments have holes.
#[derive(Debug, Default)]
pub struct ToolCalls {
    calls: Vec<(u64, ToolCall)>,
    bytes: usize,
    truncated: bool,
}

impl ToolCalls {
    /// The index after the last.
    pub fn next_index(&self) -> u64 {
        self.calls
            .last()
            .map_or(0, |(index, _)| index.saturating_add(1))
    }

    pub fn name(&mut self, index: u64, name: &str) {
        let name = prefix(name, MAX_NAME);
        if let Some(call) = self.at(index, name.len()) {
            call.name.push_str(name);
        }
    }

    /// Appends a piece of the arguments, which are JSON text.
    pub fn arguments(&mut self, index: u64, piece: &str) {
        if let Some(call) = self.at(index, piece.len()) {
            call.arguments.push_str(piece);
        }
    }

    pub fn has_arguments(&self, index: u64) -> bool {
        self.calls
            .iter()
            .any(|(at, call)| *at == index && !call.arguments.is_empty())
    }

    /// Takes nothing more.
    pub fn close(&mut self) {
        self.truncated = true;
    }

    /// How much is kept (bytes).
    pub fn kept(&self) -> usize {
        self.bytes
    }

    pub fn truncated(&self) -> bool {
        self.truncated
    }

    pub fn into_calls(self) -> Vec<ToolCall> {
        self.calls.into_iter().map(|(_, call)| call).collect()
    }

    /// The call at `index`, opened if need be, unless `more` bytes are too many.
    fn at(&mut self, index: u64, more: usize) -> Option<&mut ToolCall> {
        let known = self.calls.iter().position(|(at, _)| *at == index);
        self.truncated |=
            self.bytes + more > MAX_TEXT || known.is_none() && self.calls.len() == MAX_TOOL_CALLS;
        if self.truncated {
            return None;
        }
        self.bytes += more;
        let at = known.unwrap_or_else(|| {
            self.calls.push((index, ToolCall::default()));
            self.calls.len() - 1
        });
        Some(&mut self.calls[at].1)
    }
}
