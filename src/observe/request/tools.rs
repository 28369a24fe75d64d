//! The definitions of tools, and calls of them, as they were sent but for the blanks between tokens.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::messages::MessageReader;
use super::parameters::{MAX_TOOLS, tool_name};
use crate::diagnose::fingerprint::Printer;
use crate::observe::lenient::compact;

/// Reads the list of tools that a model may call.
pub struct ToolsSeed<'d> {
    pub printer: &'d mut Printer,
    /// At most `MAX_TOOLS`.
    pub names: &'d mut Vec<Value>,
}

/// Reads the list of calls in a message.
pub struct ToolCallsSeed<'d>(pub &'d mut MessageReader);

seed!(ToolsSeed);
seed!(ToolCallsSeed);

impl<'de> Visitor<'de> for ToolsSeed<'_> {
    type Value = ();
    skip!((); scalars string object);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(tool) = list.next_element::<Box<RawValue>>()? {
            let definition = compact(tool.get());
            self.printer.text(&definition);
            self.printer.tool();
            if self.names.len() < MAX_TOOLS {
                self.names.extend(tool_name(&definition).map(Value::from));
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for ToolCallsSeed<'_> {
    type Value = ();
    skip!((); scalars string object);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(call) = list.next_element::<Box<RawValue>>()? {
            self.0.tool_call();
            self.0.beside(call.get());
            if let Some(kept) = self.0.kept() {
                kept.sent_call(call.get());
            }
        }
        Ok(())
    }
}
