//! Reads the whole body of a request: its model, its prompt, and what else it asks for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::content::ContentSeed;
use super::messages::MessageReader;
use super::parameters::{self, TOOLS};
use super::prompt::{PromptSeed, RequestFields};
use super::session::MetadataSeed;
use super::tools::ToolsSeed;
use super::values::{StringSeed, StringsSeed};
use crate::diagnose::fingerprint::Printer;
use crate::diagnose::prompt::{MessageRole, keys};
use crate::diagnose::session::hints::response_hash;
use crate::http::route::Inference;
use crate::observe::limits::MAX_NAME;
use crate::observe::text::prefix;

/// Reads a body: an object.
pub struct BodySeed<'d> {
    pub endpoint: Inference,
    pub fields: &'d mut RequestFields,
}

seed!(BodySeed);

impl<'de> Visitor<'de> for BodySeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            let key = key.to_ascii_lowercase();
            read_field(self.endpoint, self.fields, &key, &mut object)?;
        }
        self.fields.in_prompt = false;
        Ok(())
    }
}

/// Reads the value of `key`, which is in lower case.
fn read_field<'de, A: MapAccess<'de>>(
    endpoint: Inference,
    fields: &mut RequestFields,
    key: &str,
    object: &mut A,
) -> Result<(), A::Error> {
    fields.in_prompt = prompt_keys(endpoint).contains(&key);
    match key {
        _ if fields.in_prompt => {
            fields.prompt = None;
            fields.messages = message_reader(endpoint);
            object.next_value_seed(PromptSeed(fields))
        }
        "model" => object.next_value_seed(StringSeed(&mut |model| {
            fields.model = Some(prefix(model, MAX_NAME).to_owned());
        })),
        _ if Some(key) == system_key(endpoint) => {
            fields.system = MessageReader::keeping();
            object.next_value_seed(ContentSeed {
                message: &mut fields.system,
                kept: None,
            })?;
            fields.system.role(MessageRole::System);
            fields.system.end_cut();
            Ok(())
        }
        TOOLS => read_tools(fields, object),
        "images" if endpoint == Inference::Generate => {
            fields.images = 0;
            object.next_value_seed(StringsSeed(&mut |_| fields.images += 1))
        }
        "metadata" => object.next_value_seed(MetadataSeed(&mut fields.session)),
        "previous_response_id" if endpoint == Inference::V1Responses => {
            let session = &mut fields.session;
            object.next_value_seed(StringSeed(&mut |id| {
                session.previous_response = response_hash(id);
            }))
        }
        _ => fields.settings.read(endpoint.dialect(), key, object),
    }
}

fn read_tools<'de, A: MapAccess<'de>>(
    fields: &mut RequestFields,
    object: &mut A,
) -> Result<(), A::Error> {
    fields.tools = Printer::new(keys());
    let mut names = Vec::new();
    let read = object.next_value_seed(ToolsSeed {
        printer: &mut fields.tools,
        names: &mut names,
    });
    let names = Some(names).filter(|names| !names.is_empty());
    parameters::set(&mut fields.settings.parameters, TOOLS, names.into());
    read
}

/// A prompt is kept as such.
fn message_reader(endpoint: Inference) -> MessageReader {
    match prompt_keys(endpoint) {
        ["prompt"] => MessageReader::default(),
        _ if endpoint.is_embedding() => MessageReader::default(),
        _ => MessageReader::keeping(),
    }
}

/// Returns the keys that may hold the prompt; the last of them in a body does.
fn prompt_keys(endpoint: Inference) -> &'static [&'static str] {
    match endpoint {
        Inference::Chat | Inference::V1ChatCompletions | Inference::V1Messages => &["messages"],
        Inference::Embed | Inference::V1Embeddings | Inference::V1Responses => &["input"],
        Inference::Generate | Inference::Embeddings | Inference::V1Completions => &["prompt"],
        Inference::V1ImageGenerations | Inference::V1ImageEdits | Inference::V1Transcriptions => {
            &["prompt"]
        }
        Inference::V1Systemone => &["messages", "input", "prompt"],
    }
}

/// Returns the key of the system prompt where it stands beside the messages.
fn system_key(endpoint: Inference) -> Option<&'static str> {
    match endpoint {
        Inference::Generate | Inference::V1Messages => Some("system"),
        Inference::V1Responses => Some("instructions"),
        _ => None,
    }
}
