//! Reads the content of a message: a string, or parts of which each is text, a picture, thinking, a
//! call of a tool or its result.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::kept::ConversationReader;
use super::messages::MessageReader;
use super::values::{FlatSeed, StringSeed};
use crate::observe::lenient::compact;
use crate::observe::limits::MAX_NAME;
use crate::observe::text::{BoundedText, prefix};

/// The text of a message that may be the prompt of the record.
#[derive(Debug, Default)]
pub struct ChatMessage {
    pub role: String,
    pub content: BoundedText,
    /// It holds the result of a tool, as Anthropic's user messages may.
    pub has_tool_result: bool,
}

/// Reads a content into the message, and its text into `kept` too.
pub struct ContentSeed<'d> {
    pub message: &'d mut MessageReader,
    pub kept: Option<&'d mut ChatMessage>,
}

/// Reads a part of a content.
struct PartSeed<'d>(ContentSeed<'d>);

seed!(ContentSeed);
seed!(PartSeed);

impl ContentSeed<'_> {
    fn add_line(&mut self, text: &str) {
        self.message.line(text);
        if let Some(kept) = &mut self.kept {
            kept.content.push_line(text);
        }
    }

    fn set_kind(&mut self, kind: &str) {
        match kind {
            "tool_use" => self.message.tool_call(),
            "thinking" | "redacted_thinking" => self.message.thinking(),
            _ if kind.contains("image") => self.message.image(),
            _ => {}
        }
        if let Some(kept) = &mut self.kept {
            kept.has_tool_result |= kind == "tool_result";
        }
    }
}

impl<'de> Visitor<'de> for ContentSeed<'_> {
    type Value = ();
    skip!((); scalars object);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.message.text(text);
        if let Some(kept) = self.kept {
            kept.content.push(text);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let ContentSeed { message, mut kept } = self;
        loop {
            let part = ContentSeed {
                message: &mut *message,
                kept: kept.as_deref_mut(),
            };
            if list.next_element_seed(PartSeed(part))?.is_none() {
                return Ok(());
            }
        }
    }
}

impl<'de> Visitor<'de> for PartSeed<'_> {
    type Value = ();
    skip!((); scalars list);

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.0.add_line(text);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        let mut tool = ToolPart::default();
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            let key = key.to_ascii_lowercase();
            read_part_field(&mut self.0, &mut tool, &key, &mut object)?;
        }
        if let Some(kept) = self.0.message.kept() {
            tool.keep(kept);
        }
        Ok(())
    }
}

/// A part that is a call of a tool or its result, as Anthropic has them.
#[derive(Default)]
struct ToolPart {
    id: Option<String>,
    name: String,
    input: Option<String>,
    /// The id of the call whose result it is.
    result_of: Option<String>,
}

impl ToolPart {
    fn keep(self, kept: &mut ConversationReader) {
        if let Some(input) = &self.input {
            kept.call(self.id.as_deref(), &self.name, input);
        } else if let Some(id) = &self.result_of {
            kept.name_result(id);
        }
    }
}

/// Reads the value of `key`, which is in lower case, of a part.
fn read_part_field<'de, A: MapAccess<'de>>(
    part: &mut ContentSeed<'_>,
    tool: &mut ToolPart,
    key: &str,
    object: &mut A,
) -> Result<(), A::Error> {
    match key {
        "text" => object.next_value_seed(StringSeed(&mut |text| part.add_line(text))),
        "type" => object.next_value_seed(StringSeed(&mut |kind| part.set_kind(kind))),
        "image_url" | "source" => object.next_value_seed(FlatSeed {
            each: &mut |piece| part.message.beside(piece),
            is_nested: false,
        }),
        "thinking" => object.next_value_seed(StringSeed(&mut |text| {
            if let Some(kept) = part.message.kept() {
                kept.thinking(text);
            }
        })),
        "input" => {
            let input = object.next_value::<Box<RawValue>>()?;
            part.message.beside(input.get());
            tool.input = part.message.kept().map(|_| compact(input.get()));
            Ok(())
        }
        "id" => object.next_value_seed(StringSeed(&mut |id| {
            tool.id = Some(prefix(id, MAX_NAME).to_owned());
        })),
        "name" => object.next_value_seed(StringSeed(&mut |name| {
            tool.name = prefix(name, MAX_NAME).to_owned();
        })),
        "tool_use_id" => object.next_value_seed(StringSeed(&mut |id| {
            tool.result_of = Some(prefix(id, MAX_NAME).to_owned());
        })),
        // Of a tool's result; no other part has one.
        "content" => {
            let around = part.message.begin_result();
            object.next_value_seed(ContentSeed {
                message: &mut *part.message,
                kept: None,
            })?;
            part.message.end_result(around);
            Ok(())
        }
        _ => object.next_value::<IgnoredAny>().map(drop),
    }
}
