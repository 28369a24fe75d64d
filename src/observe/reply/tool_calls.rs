//! Puts the tool calls of a reply together from the deltas of a stream, within bounds.

use crate::observe::exchange::ToolCall;
use crate::observe::limits::{MAX_NAME, MAX_TEXT, MAX_TOOL_CALLS};
use crate::observe::text::prefix;

/// Tool calls, each with the index that its deltas carry. Together they take at most `MAX_TEXT`;
/// the first piece that does not fit ends them, so that no arguments have holes.
#[derive(Debug, Default)]
pub struct ToolCalls {
    calls: Vec<(u64, ToolCall)>,
    bytes: usize,
    truncated: bool,
}

impl ToolCalls {
    /// Returns the index after the last.
    pub fn next_index(&self) -> u64 {
        self.calls
            .last()
            .map_or(0, |(index, _)| index.saturating_add(1))
    }

    /// Appends to the name of the call at `index`.
    pub fn push_name(&mut self, index: u64, name: &str) {
        let name = prefix(name, MAX_NAME);
        if let Some(call) = self.entry(index, name.len()) {
            call.name.push_str(name);
        }
    }

    /// Appends to the arguments of the call at `index`, which are JSON text.
    pub fn push_arguments(&mut self, index: u64, piece: &str) {
        if let Some(call) = self.entry(index, piece.len()) {
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

    /// Returns the size of names and arguments, in bytes.
    pub fn buffered_bytes(&self) -> usize {
        self.bytes
    }

    pub fn truncated(&self) -> bool {
        self.truncated
    }

    pub fn into_calls(self) -> Vec<ToolCall> {
        self.calls.into_iter().map(|(_, call)| call).collect()
    }

    /// Returns the call at `index`, which is opened if need be, unless there is no room for `more`
    /// bytes.
    fn entry(&mut self, index: u64, more: usize) -> Option<&mut ToolCall> {
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
