//! The prompt in a request's JSON, whatever its shape: a string, strings, or messages whose content is a string or parts.
//!
//! Everything is put into a `Draft` as it is read, so that what stood before an error or before the end of a head is not lost.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::text::{BoundedText, MAX_TEXT, prefix};

/// What was read so far.
#[derive(Debug, Default)]
pub struct Draft {
    pub model: Option<String>,
    pub prompt: Option<BoundedText>,
    /// The prompt may go on beyond the end of the input.
    pub truncated: bool,
    /// The message that is being read.
    turn: Turn,
    in_prompt: bool,
}

/// One message of a chat, or one item of an input.
#[derive(Debug, Default)]
struct Turn {
    role: String,
    content: BoundedText,
    /// It brings the result of a tool, as Anthropic's user messages do.
    tool_result: bool,
}

impl Draft {
    /// Ends a draft whose input ended early (`cut`) or not: the message that was being read is the last one.
    pub fn end(&mut self, cut: bool) {
        self.end_turn();
        self.truncated |= cut && (self.in_prompt || self.prompt.is_none());
    }

    /// The last message of the user is the prompt; one that only brings a tool's result is the tool's.
    fn end_turn(&mut self) {
        let turn = std::mem::take(&mut self.turn);
        if turn.role == "user" && !(turn.tool_result && turn.content.is_empty()) {
            self.prompt = Some(turn.content);
        }
    }
}

/// The whole body: an object with a model and a prompt under one of `prompt_keys`.
pub struct Body<'d> {
    pub prompt_keys: &'static [&'static str],
    pub draft: &'d mut Draft,
}

/// The value under the prompt's key: a string, or a list of strings or of messages.
struct Prompt<'d>(&'d mut Draft);

/// An element of that list.
struct Element<'d>(&'d mut Draft);

/// The content of a message: a string, or a list of parts.
struct Content<'d>(&'d mut Turn);

/// A part of a content: text, or something that is left out.
struct Part<'d>(&'d mut Turn);

/// A string, or `None` for any other value.
struct Maybe<'a>(Option<Cow<'a, str>>);

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

seed!(Body);
seed!(Prompt);
seed!(Element);
seed!(Content);
seed!(Part);

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            self.draft.in_prompt = self
                .prompt_keys
                .iter()
                .any(|prompt_key| key.eq_ignore_ascii_case(prompt_key));
            if self.draft.in_prompt {
                self.draft.prompt = None;
                object.next_value_seed(Prompt(self.draft))?;
            } else if key.eq_ignore_ascii_case("model") {
                let Maybe(model) = object.next_value()?;
                self.draft.model = model.map(Cow::into_owned).or(self.draft.model.take());
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        self.draft.in_prompt = false;
        Ok(())
    }
}

impl<'de> Visitor<'de> for Prompt<'_> {
    type Value = ();
    skip!((); scalars object);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.prompt.get_or_insert_default().push(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Element(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();
    skip!((); scalars list);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.prompt.get_or_insert_default().push_line(text);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        self.0.turn = Turn::default();
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            if key.eq_ignore_ascii_case("role") {
                let Maybe(role) = object.next_value()?;
                self.0.turn.role = role.unwrap_or_default().into_owned();
            } else if key.eq_ignore_ascii_case("content") {
                self.0.turn.content = BoundedText::default();
                object.next_value_seed(Content(&mut self.0.turn))?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        self.0.end_turn();
        Ok(())
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = ();
    skip!((); scalars object);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.content.push(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Part(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> Visitor<'de> for Part<'_> {
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
                    let Maybe(text) = object.next_value()?;
                    self.0.content.push_line(&text.unwrap_or_default());
                }
                "type" => {
                    let Maybe(kind) = object.next_value()?;
                    self.0.tool_result |= kind.as_deref() == Some("tool_result");
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Maybe<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MaybeVisitor;

        impl<'de> Visitor<'de> for MaybeVisitor {
            type Value = Maybe<'de>;
            skip!(Maybe(None); scalars list object);

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Maybe(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                // More than is kept shows that something was cut.
                Ok(Maybe(Some(Cow::Owned(
                    prefix(text, MAX_TEXT + char::MAX.len_utf8()).to_owned(),
                ))))
            }
        }

        deserializer.deserialize_any(MaybeVisitor)
    }
}
