//! What a request sets beside its texts, for its record: numbers, flags, words, and the names of
//! tools.
//!
//! Names and words are of closed lists, because any other may be a text of the user. So the lists
//! are what bounds the size, too.

mod names;

use std::borrow::Cow;

pub use names::is_parameter;
use names::{MODEL, WORDS, parts};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::diagnose::keep_alive::KeepAlive;

/// The parameters of a request by their names: numbers, booleans, words, and objects of these;
/// `tools` is a list of names.
pub type RequestParameters = Map<String, Value>;

/// Stands for a text that may be the user's.
const OTHER: &str = "other";

/// The longest quantity that is kept, in bytes.
const MAX_QUANTITY: usize = 32;

/// The name of the parameter that has the names of tools.
pub const TOOLS: &str = "tools";

/// Names of tools that are kept of one request.
pub const MAX_TOOLS: usize = 128;

/// The longest name of a tool that is kept, in bytes.
const MAX_TOOL_NAME: usize = 64;

/// Returns the memory that parameters take, in bytes.
pub fn bytes(parameters: &RequestParameters) -> usize {
    let of_value = |value: &Value| match value {
        Value::String(text) => text.len(),
        Value::Array(names) => names.len() * (size_of::<Value>() + MAX_TOOL_NAME),
        // No object has more than the options of a model.
        Value::Object(parts) => parts.len() * (size_of::<Value>() + MAX_QUANTITY),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    let each = size_of::<(String, Value)>();
    let values = parameters.iter();
    values
        .map(|(name, value)| each + name.len() + of_value(value))
        .sum()
}

/// Reads the value of a parameter, and sets it, or unsets it where it has none that is kept.
pub fn read<'de, A: MapAccess<'de>>(
    parameters: &mut RequestParameters,
    name: &str,
    object: &mut A,
) -> Result<(), A::Error> {
    let value = object.next_value_seed(ValueSeed(name))?;
    set(parameters, name, value);
    Ok(())
}

pub fn set(parameters: &mut RequestParameters, name: &str, value: Value) {
    if value.is_null() {
        parameters.remove(name);
    } else {
        parameters.insert(name.to_owned(), value);
    }
}

/// Returns the value that is written as a text, as in a form.
pub fn of_text(text: &str) -> Value {
    let short = Some(text).filter(|text| text.len() <= MAX_QUANTITY);
    match short.and_then(|text| serde_json::from_str(text).ok()) {
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value,
        _ => word(text).into(),
    }
}

/// Returns the name of a tool by its definition in JSON, where it has one.
pub fn tool_name(definition: &str) -> Option<String> {
    /// OpenAI's chats and Ollama have the name in `function`; tools of the server have their type
    /// alone.
    #[derive(Deserialize)]
    struct Definition {
        function: Option<Named>,
        name: Option<String>,
        #[serde(rename = "type")]
        kind: Option<String>,
    }

    #[derive(Deserialize)]
    struct Named {
        name: Option<String>,
    }

    let tool: Definition = serde_json::from_str(definition).ok()?;
    let name = tool.function.and_then(|function| function.name);
    name.or(tool.name).or(tool.kind).map(|name| name_of(&name))
}

/// Returns the name of a tool; `other` for what no API takes as one.
fn name_of(name: &str) -> String {
    let is_name = (1..=MAX_TOOL_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte));
    if is_name { name } else { OTHER }.to_owned()
}

/// Returns a text that is the value of a parameter, if it cannot be a text of the user.
fn word(text: &str) -> String {
    let is_kept = WORDS.contains(&text) || is_quantity(text);
    if is_kept { text } else { OTHER }.to_owned()
}

/// Whether a text is a number, a Go duration or a size in pixels.
fn is_quantity(text: &str) -> bool {
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    let is_size = || {
        text.split_once('x')
            .is_some_and(|(width, height)| is_number(width) && is_number(height))
    };
    text.len() <= MAX_QUANTITY
        && (is_number(text) || is_size() || KeepAlive::read(&Value::from(text)).is_some())
}

/// Reads the value of the parameter of this name; null where there is none that is kept.
struct ValueSeed<'n>(&'n str);

/// Adds the parameters of an object that have one of these names.
pub struct ObjectSeed<'d> {
    names: &'static [&'static str],
    parameters: &'d mut RequestParameters,
}

impl ObjectSeed<'_> {
    /// Reads the options of a model.
    pub fn options(parameters: &mut RequestParameters) -> ObjectSeed<'_> {
        ObjectSeed {
            names: &MODEL,
            parameters,
        }
    }
}

seed!(ObjectSeed);

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = ();
    skip!((); scalars string list);

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(name) = object.next_key::<Cow<'_, str>>()? {
            if self.names.contains(&&*name) {
                read(self.parameters, &name, &mut object)?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;
    skip!(Value::Null; unit list);

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let text = match self.0 {
            "name" => name_of(text),
            _ => word(text),
        };
        Ok(text.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Value, A::Error> {
        let mut parameters = RequestParameters::new();
        ObjectSeed {
            names: parts(self.0),
            parameters: &mut parameters,
        }
        .visit_map(object)?;
        let is_empty = parameters.is_empty();
        Ok(Some(parameters).filter(|_| !is_empty).into())
    }
}
