//! Finds the prompt in a request's JSON, whatever its shape: a string, strings, or messages whose
//! content is a string or parts.
//!
//! Everything is put into `RequestFields` as it is read, so that nothing is lost that came before
//! an error or before the end of a body that is not whole.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::content::{ChatMessage, ContentSeed};
use super::facts::RequestFacts;
use super::messages::{MessageReader, join};
use super::options::RequestSettings;
use super::tools::ToolCallsSeed;
use super::values::{FlatSeed, StringSeed, StringsSeed};
use crate::diagnose::evidence::Evidence;
use crate::diagnose::fingerprint::{Fingerprint, Printer};
use crate::diagnose::prompt::{MessageRole, keys};
use crate::diagnose::session::SessionHints;
use crate::http::route::Dialect;
use crate::observe::limits::MAX_NAME;
use crate::observe::text::{BoundedText, prefix};

/// The fields that were read so far.
pub struct RequestFields {
    pub model: Option<String>,
    pub prompt: Option<BoundedText>,
    /// The prompt may go on beyond the end of the input.
    pub is_truncated: bool,
    /// The message that is being read.
    message: ChatMessage,
    pub in_prompt: bool,
    /// The system prompt that stands beside the messages.
    pub system: MessageReader,
    pub messages: MessageReader,
    pub tools: Printer,
    /// Images that stand beside the prompt.
    pub images: u32,
    pub settings: RequestSettings,
    pub session: SessionHints,
}

impl Default for RequestFields {
    fn default() -> RequestFields {
        RequestFields {
            model: None,
            prompt: None,
            is_truncated: false,
            message: ChatMessage::default(),
            in_prompt: false,
            system: MessageReader::default(),
            messages: MessageReader::default(),
            tools: Printer::new(keys()),
            images: 0,
            settings: RequestSettings::default(),
            session: SessionHints::default(),
        }
    }
}

impl RequestFields {
    /// Ends a body that may have ended early (`is_cut`): the message that was being read is the
    /// last one.
    pub fn finish(&mut self, is_cut: bool) {
        self.finish_message();
        self.messages.end_cut();
        self.is_truncated |= is_cut && (self.in_prompt || self.prompt.is_none());
    }

    /// Returns what a body says that was read to its end, or not (`is_cut`).
    pub fn into_facts(self, dialect: Dialect, is_cut: bool) -> RequestFacts {
        let (mut prompt, messages, conversation) = join(self.system, self.messages);
        let print = Fingerprint::of_parts(self.tools.end(), messages);
        (prompt.tools, prompt.tools_bytes) = print.tools_digest();
        prompt.think = self.settings.think();
        prompt.is_cut = is_cut;
        if let Some(last) = prompt.messages.last_mut() {
            last.images = last.images.saturating_add(self.images);
        }
        RequestFacts {
            model: self.model,
            prompt: self.prompt,
            is_truncated: self.is_truncated,
            parse_failed: false,
            conversation,
            evidence: Some(Box::new(Evidence {
                prompt,
                print,
                options: self.settings.options(dialect),
                keep_alive: self.settings.keep_alive(dialect),
                session: self.session,
                ..Evidence::default()
            })),
            parameters: Some(self.settings.parameters).filter(|it| !is_cut || !it.is_empty()),
        }
    }

    /// Takes the user's last message as the prompt, unless it only holds a tool's result.
    fn finish_message(&mut self) {
        let message = std::mem::take(&mut self.message);
        if message.role == "user" && !(message.has_tool_result && message.content.is_empty()) {
            self.prompt = Some(message.content);
        }
    }

    /// Takes the type of an item of OpenAI's responses; a message need not have one.
    fn set_item_type(&mut self, kind: &str) {
        match kind {
            "function_call_output" => self.messages.role(MessageRole::Tool),
            "function_call" => {
                self.messages.role(MessageRole::Assistant);
                self.messages.tool_call();
            }
            "reasoning" => {
                self.messages.role(MessageRole::Assistant);
                self.messages.thinking();
            }
            _ => {}
        }
    }
}

/// Reads the value under the prompt's key: a string, or a list of strings or of messages.
pub struct PromptSeed<'d>(pub &'d mut RequestFields);

/// Reads an element of that list.
struct ElementSeed<'d>(&'d mut RequestFields);

seed!(PromptSeed);
seed!(ElementSeed);

impl<'de> Visitor<'de> for PromptSeed<'_> {
    type Value = ();
    skip!((); scalars object);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.prompt.get_or_insert_default().push(text);
        self.0.messages.whole(MessageRole::User, text);
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
        self.0.messages.whole(MessageRole::User, text);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let fields = self.0;
        fields.message = ChatMessage::default();
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            let key = key.to_ascii_lowercase();
            read_message_field(fields, &key, &mut object)?;
        }
        fields.finish_message();
        fields.messages.end();
        Ok(())
    }
}

/// Reads the value of `key`, which is in lower case, of a message or an item.
fn read_message_field<'de, A: MapAccess<'de>>(
    fields: &mut RequestFields,
    key: &str,
    object: &mut A,
) -> Result<(), A::Error> {
    let messages = &mut fields.messages;
    match key {
        "role" => {
            fields.message.role.clear();
            object.next_value_seed(StringSeed(&mut |role| {
                messages.role(MessageRole::of(role));
                fields.message.role = prefix(role, MAX_NAME).to_owned();
            }))
        }
        "content" => {
            fields.message.content = BoundedText::default();
            messages.begin_text();
            object.next_value_seed(ContentSeed {
                message: messages,
                kept: Some(&mut fields.message),
            })
        }
        "type" => object.next_value_seed(StringSeed(&mut |kind| fields.set_item_type(kind))),
        "name" | "tool_name" => object.next_value_seed(StringSeed(&mut |name| {
            if let Some(kept) = messages.kept() {
                kept.tool_name(name);
            }
        })),
        "call_id" | "tool_call_id" => object.next_value_seed(StringSeed(&mut |id| {
            if let Some(kept) = messages.kept() {
                kept.call_id(id);
            }
        })),
        "output" => object.next_value_seed(ContentSeed {
            message: messages,
            kept: None,
        }),
        "images" => object.next_value_seed(StringsSeed(&mut |image| {
            messages.image();
            messages.beside(image);
        })),
        "tool_calls" => object.next_value_seed(ToolCallsSeed(messages)),
        "arguments" => object.next_value_seed(StringSeed(&mut |text| {
            messages.beside(text);
            if let Some(kept) = messages.kept() {
                kept.arguments(text);
            }
        })),
        "thinking" | "reasoning" | "reasoning_content" => object.next_value_seed(FlatSeed {
            each: &mut |piece| {
                if !piece.is_empty() {
                    messages.thinking();
                    if let Some(kept) = messages.kept() {
                        kept.thinking(piece);
                    }
                }
            },
            is_nested: false,
        }),
        _ => object.next_value::<IgnoredAny>().map(drop),
    }
}
