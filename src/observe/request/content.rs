//! Reads the content of a message: a string, or parts of which each is text, a picture, thinking, a
//! call of a tool or its result.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::messages::MessageReader;
use super::values::{FlatSeed, StringSeed};
use crate::observe::text::BoundedText;

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
        self.message.text(text);
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
        let part = &mut self.0;
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            let key = key.to_ascii_lowercase();
            match key.as_str() {
                "text" => {
                    object.next_value_seed(StringSeed(&mut |text| part.add_line(text)))?;
                }
                "type" => {
                    object.next_value_seed(StringSeed(&mut |kind| part.set_kind(kind)))?;
                }
                "image_url" | "source" => object.next_value_seed(FlatSeed {
                    each: &mut |piece| part.message.beside(piece),
                    is_nested: false,
                })?,
                "input" => part
                    .message
                    .beside(object.next_value::<Box<RawValue>>()?.get()),
                // Of a tool's result; no other part has one.
                "content" => {
                    let around = part.message.begin_result();
                    object.next_value_seed(ContentSeed {
                        message: &mut *part.message,
                        kept: None,
                    })?;
                    part.message.end_result(around);
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
