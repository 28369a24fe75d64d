//! Finds the prompt in a request's JSON, whatever its shape: a string, strings, or messages whose
//! content is a string or parts.
//!
//! Everything is put into `RequestFields` as it is read, so that nothing is lost that came before
//! an error or before the end of a body that is not whole.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::facts::RequestFacts;
use crate::observe::limits::MAX_TEXT;
use crate::observe::text::{BoundedText, prefix};

/// The fields that were read so far.
#[derive(Debug, Default)]
pub struct RequestFields {
    pub model: Option<String>,
    pub prompt: Option<BoundedText>,
    /// The prompt may go on beyond the end of the input.
    pub is_truncated: bool,
    /// The message that is being read.
    message: ChatMessage,
    in_prompt: bool,
}

/// One message of a chat, or one item of an input.
#[derive(Debug, Default)]
struct ChatMessage {
    role: String,
    content: BoundedText,
    /// It holds the result of a tool, as Anthropic's user messages may.
    has_tool_result: bool,
}

impl RequestFields {
    /// Ends a body that may have ended early (`is_cut`): the message that was being read is the
    /// last one.
    pub fn finish(&mut self, is_cut: bool) {
        self.finish_message();
        self.is_truncated |= is_cut && (self.in_prompt || self.prompt.is_none());
    }

    pub fn into_facts(self) -> RequestFacts {
        RequestFacts {
            model: self.model,
            prompt: self.prompt,
            is_truncated: self.is_truncated,
            parse_failed: false,
        }
    }

    /// Takes the user's last message as the prompt, unless it only holds a tool's result.
    fn finish_message(&mut self) {
        let message = std::mem::take(&mut self.message);
        if message.role == "user" && !(message.has_tool_result && message.content.is_empty()) {
            self.prompt = Some(message.content);
        }
    }
}

/// Reads the whole body: an object with a model and a prompt under one of `prompt_keys`.
pub struct BodySeed<'d> {
    pub prompt_keys: &'static [&'static str],
    pub fields: &'d mut RequestFields,
}

/// Reads the value under the prompt's key: a string, or a list of strings or of messages.
struct PromptSeed<'d>(&'d mut RequestFields);

/// Reads an element of that list.
struct ElementSeed<'d>(&'d mut RequestFields);

/// Reads the content of a message: a string, or a list of parts.
struct ContentSeed<'d>(&'d mut ChatMessage);

/// Reads a part of a content: text, or something that is skipped.
struct PartSeed<'d>(&'d mut ChatMessage);

/// A string, or `None` for any other value.
struct OptionalText<'a>(Option<Cow<'a, str>>);

macro_rules! seed {
    ($seed:ident) => {
        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    };
}

seed!(BodySeed);
seed!(PromptSeed);
seed!(ElementSeed);
seed!(ContentSeed);
seed!(PartSeed);

impl<'de> Visitor<'de> for BodySeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            self.fields.in_prompt = self
                .prompt_keys
                .iter()
                .any(|prompt_key| key.eq_ignore_ascii_case(prompt_key));
            if self.fields.in_prompt {
                self.fields.prompt = None;
                object.next_value_seed(PromptSeed(self.fields))?;
            } else if key.eq_ignore_ascii_case("model") {
                let OptionalText(model) = object.next_value()?;
                self.fields.model = model.map(Cow::into_owned).or(self.fields.model.take());
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        self.fields.in_prompt = false;
        Ok(())
    }
}

impl<'de> Visitor<'de> for PromptSeed<'_> {
    type Value = ();
    skip!((); scalars object);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.prompt.get_or_insert_default().push(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(ElementSeed(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> Visitor<'de> for ElementSeed<'_> {
    type Value = ();
    skip!((); scalars list);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.prompt.get_or_insert_default().push_line(text);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        self.0.message = ChatMessage::default();
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            if key.eq_ignore_ascii_case("role") {
                let OptionalText(role) = object.next_value()?;
                self.0.message.role = role.unwrap_or_default().into_owned();
            } else if key.eq_ignore_ascii_case("content") {
                self.0.message.content = BoundedText::default();
                object.next_value_seed(ContentSeed(&mut self.0.message))?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        self.0.finish_message();
        Ok(())
    }
}

impl<'de> Visitor<'de> for ContentSeed<'_> {
    type Value = ();
    skip!((); scalars object);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.content.push(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(PartSeed(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> Visitor<'de> for PartSeed<'_> {
    type Value = ();
    skip!((); scalars list);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.content.push_line(text);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            let key = key.to_ascii_lowercase();
            match key.as_str() {
                "text" => {
                    let OptionalText(text) = object.next_value()?;
                    self.0.content.push_line(&text.unwrap_or_default());
                }
                "type" => {
                    let OptionalText(kind) = object.next_value()?;
                    self.0.has_tool_result |= kind.as_deref() == Some("tool_result");
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for OptionalText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OptionalTextVisitor;

        impl<'de> Visitor<'de> for OptionalTextVisitor {
            type Value = OptionalText<'de>;
            skip!(OptionalText(None); scalars list object);

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(OptionalText(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                // One character more than is kept shows that the text was cut.
                Ok(OptionalText(Some(Cow::Owned(
                    prefix(text, MAX_TEXT + char::MAX.len_utf8()).to_owned(),
                ))))
            }
        }

        deserializer.deserialize_any(OptionalTextVisitor)
    }
}
