//! What a request asks of the model beside its prompt, and what of that can make a reply slow or
//! short.
//!
//! Ollama takes `options` on its own routes alone, with keys as they are written. Elsewhere a
//! `num_ctx` among them changes nothing, and is noted as asked for.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::parameters::{self, ObjectSeed, RequestParameters};
use crate::diagnose::keep_alive::KeepAlive;
use crate::diagnose::prompt::keys;
use crate::diagnose::seen::{Options, whole_number};
use crate::http::route::Dialect;

/// The parameters that change what a model thinks, by any route's name.
const THINKING: [&str; 5] = [
    "output_config",
    "reasoning",
    "reasoning_effort",
    "think",
    "thinking",
];

/// The settings of one request.
#[derive(Debug, Default)]
pub struct RequestSettings {
    pub parameters: RequestParameters,
    wants_json: bool,
}

impl RequestSettings {
    /// Reads the value of `key`, which is in lower case.
    pub fn read<'de, A: MapAccess<'de>>(
        &mut self,
        dialect: Dialect,
        key: &str,
        object: &mut A,
    ) -> Result<(), A::Error> {
        use Dialect::{Native, OpenAi, Responses};
        match (dialect, key) {
            (Native, "options") => {
                object.next_value_seed(ObjectSeed::options(&mut self.parameters))
            }
            (Native, "format") | (OpenAi, "response_format") | (Responses, "text") => {
                let is_object_enough = dialect == Native;
                self.wants_json = object.next_value_seed(FormatSeed { is_object_enough })?;
                Ok(())
            }
            _ if parameters::is_parameter(dialect, key) => {
                parameters::read(&mut self.parameters, key, object)
            }
            _ => object.next_value::<IgnoredAny>().map(drop),
        }
    }

    pub fn options(&self, dialect: Dialect) -> Options {
        let asked = match dialect {
            Dialect::Native => Options::of_native(&self.parameters),
            Dialect::OpenAi | Dialect::Anthropic => self.compatible_options("max_tokens"),
            Dialect::Responses => self.compatible_options("max_output_tokens"),
        };
        Options {
            wants_json: self.wants_json,
            ..asked
        }
    }

    /// Returns what counts on a route that ignores `options`, and has this name for the most tokens of the reply.
    fn compatible_options(&self, num_predict: &str) -> Options {
        let ignored = self.parameters.get("options");
        Options {
            num_ctx: ignored.and_then(|options| whole_number(options.get("num_ctx")?)),
            num_predict: self.parameters.get(num_predict).and_then(whole_number),
            ..Options::default()
        }
    }

    pub fn keep_alive(&self, dialect: Dialect) -> Option<KeepAlive> {
        let value = self.parameters.get("keep_alive");
        value
            .filter(|_| dialect == Dialect::Native)
            .and_then(KeepAlive::read)
    }

    /// Returns `Prompt::think`.
    pub fn think(&self) -> u64 {
        let asked = THINKING.map(|name| self.parameters.get(name));
        if asked.iter().all(Option::is_none) {
            return 0;
        }
        let mut hasher = keys().build_hasher();
        for value in asked.into_iter().flatten() {
            hasher.write(value.to_string().as_bytes());
        }
        hasher.finish() | 1
    }
}

/// Reads whether a reply in JSON is asked for: `json`, a schema, or an object that names either.
struct FormatSeed {
    is_object_enough: bool,
}

impl<'de> DeserializeSeed<'de> for FormatSeed {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FormatSeed {
    type Value = bool;
    skip!(false; scalars list);

    fn visit_str<E: Error>(self, format: &str) -> Result<bool, E> {
        Ok(matches!(format, "json" | "json_object" | "json_schema"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        let mut is_json = self.is_object_enough;
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            match &*key {
                "type" | "format" if !is_json => {
                    is_json = object.next_value_seed(FormatSeed {
                        is_object_enough: false,
                    })?;
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(is_json)
    }
}
