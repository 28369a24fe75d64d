//! Where a prompt first differs from the one before it.

use std::fmt;

use serde_json::{Value, json};

use super::{BLOCK, Fingerprint, Part};
use crate::diagnose::prompt::MessageRole;

/// The first place where a prompt differs from the one before it in its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferencePlace {
    Tools(ToolChange),
    /// The byte is that of the message's text; without `is_exact` it is one of the 64 from there
    /// on, or behind them.
    Message {
        index: usize,
        role: MessageRole,
        byte: usize,
        is_exact: bool,
    },
    /// This message, and all behind it, were in the one before.
    Gone {
        index: usize,
    },
}

/// How the tools differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolChange {
    /// The same tools in another order.
    Order,
    Fewer(usize),
    More(usize),
    /// As many, but not the same.
    Other,
}

impl Fingerprint {
    /// The first place where `next` differs; `None` where it only goes on.
    pub fn difference(&self, next: &Fingerprint) -> Option<DifferencePlace> {
        let (tools, next_tools) = (self.tools(), next.tools());
        if let Some(change) = tool_change(tools, next_tools) {
            return Some(DifferencePlace::Tools(change));
        }
        let (messages, next_messages) = (&self.parts[tools.len()..], &next.parts[tools.len()..]);
        for (index, message) in messages.iter().enumerate() {
            let Some(other) = next_messages.get(index) else {
                return Some(DifferencePlace::Gone { index });
            };
            if message.role != other.role || message.hash != other.hash {
                let role = other.role.unwrap_or_default();
                let is_other = message.role != other.role;
                let (byte, is_exact) = if is_other {
                    (0, true)
                } else {
                    self.byte(message, next, other)
                };
                return Some(DifferencePlace::Message {
                    index,
                    role,
                    byte,
                    is_exact,
                });
            }
        }
        None
    }

    /// The part of this prompt that stands before a place in it, from 0 to 1.
    pub fn share_before(&self, place: Option<DifferencePlace>) -> f64 {
        let tools = self.tools().len();
        let (whole, inside) = match place {
            None => return 1.0,
            Some(DifferencePlace::Tools(_)) => return 0.0,
            Some(DifferencePlace::Gone { index }) => (tools + index, 0),
            Some(DifferencePlace::Message { index, byte, .. }) => (tools + index, byte),
        };
        let bytes = |parts: &[Part]| parts.iter().map(|part| part.bytes).sum::<usize>();
        let before = bytes(&self.parts[..whole.min(self.parts.len())]) + inside;
        before as f64 / bytes(&self.parts).max(1) as f64
    }

    pub(super) fn tools(&self) -> &[Part] {
        let tools = self
            .parts
            .iter()
            .take_while(|part| part.role.is_none())
            .count();
        &self.parts[..tools]
    }

    /// The first byte in which two messages differ, and whether it is exactly that.
    fn byte(&self, own: &Part, next: &Fingerprint, other: &Part) -> (usize, bool) {
        let shorter = own.bytes.min(other.bytes);
        let full = shorter / BLOCK;
        let blocks = self.blocks[own.block..]
            .iter()
            .zip(&next.blocks[other.block..])
            .take(full);
        let known = blocks.len();
        let equal = blocks.take_while(|(own, other)| own == other).count();
        let start = equal * BLOCK;
        let end = shorter.min(start + BLOCK);
        let marks = |print: &Fingerprint, part: &Part| {
            let marks = print.marks.get(part.mark + start..part.mark + end);
            marks.map(<[u16]>::to_vec)
        };
        let is_beyond = equal == known && known < full;
        match marks(self, own)
            .zip(marks(next, other))
            .filter(|_| !is_beyond)
        {
            Some((own, other)) => {
                let same = own
                    .iter()
                    .zip(&other)
                    .take_while(|(own, other)| own == other)
                    .count();
                (start + same, true)
            }
            None => (start, false),
        }
    }
}

fn tool_change(tools: &[Part], next: &[Part]) -> Option<ToolChange> {
    let hashes = |tools: &[Part]| tools.iter().map(|tool| tool.hash).collect::<Vec<_>>();
    let (mut own, mut other) = (hashes(tools), hashes(next));
    if own == other {
        return None;
    }
    own.sort_unstable();
    other.sort_unstable();
    Some(match (own.len(), other.len()) {
        _ if own == other => ToolChange::Order,
        (own, other) if other < own => ToolChange::Fewer(own - other),
        (own, other) if other > own => ToolChange::More(other - own),
        _ => ToolChange::Other,
    })
}

impl DifferencePlace {
    /// The place as a field of a finding.
    pub fn to_json(self) -> Value {
        match self {
            DifferencePlace::Tools(_) => json!({"part": "tools"}),
            DifferencePlace::Gone { index } => {
                json!({"part": "message", "index": index, "gone": true})
            }
            DifferencePlace::Message {
                index,
                role,
                byte,
                is_exact,
            } => json!({
                "part": if role == MessageRole::System { "system" } else { "message" },
                "index": index,
                "byte": byte,
                "exact": is_exact,
            }),
        }
    }
}

impl fmt::Display for DifferencePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            DifferencePlace::Tools(change) => change.fmt(f),
            DifferencePlace::Gone { index } => {
                write!(f, "message {} and those after it are gone", index + 1)
            }
            DifferencePlace::Message {
                index,
                role,
                byte,
                is_exact,
            } => {
                let near = if is_exact { "at byte" } else { "behind byte" };
                match role {
                    MessageRole::System => {
                        write!(f, "it differs {near} {byte} of the system prompt")
                    }
                    _ => write!(f, "it differs {near} {byte} of message {}", index + 1),
                }
            }
        }
    }
}

impl fmt::Display for ToolChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToolChange::Order => f.write_str("the order of the tools changed"),
            ToolChange::Fewer(1) => f.write_str("a tool is gone"),
            ToolChange::Fewer(tools) => write!(f, "{tools} tools are gone"),
            ToolChange::More(1) => f.write_str("a tool was added"),
            ToolChange::More(tools) => write!(f, "{tools} tools were added"),
            ToolChange::Other => f.write_str("the definition of a tool changed"),
        }
    }
}
