//! What a request asks of the model beside its prompt, where it can make a reply slow or short.
//!
//! Ollama takes `options` on its own routes alone, with keys as they are written. Elsewhere a
//! `num_ctx` among them changes nothing, and is noted as asked for.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::values::{FlatSeed, Setting};
use crate::diagnose::keep_alive::KeepAlive;
use crate::diagnose::prompt::keys;
use crate::diagnose::seen::Options;
use crate::http::route::Dialect;
use crate::observe::text::prefix;

/// The longest duration that is read, in bytes.
const MAX_DURATION: usize = 64;

/// The settings of one request.
#[derive(Debug, Default)]
pub struct RequestSettings {
    pub options: Options,
    pub keep_alive: Option<KeepAlive>,
    /// `Prompt::think`.
    pub think: u64,
}

impl RequestSettings {
    /// Reads the value of `key`, which is in lower case.
    pub fn read<'de, A: MapAccess<'de>>(
        &mut self,
        dialect: Dialect,
        key: &str,
        object: &mut A,
    ) -> Result<(), A::Error> {
        use Dialect::{Anthropic, Native, OpenAi, Responses};
        let options = &mut self.options;
        match (dialect, key) {
            (_, "options") => {
                let is_native = dialect == Native;
                object.next_value_seed(OptionsSeed { options, is_native })
            }
            (Native, "keep_alive") => {
                OptionalKeepAlive(self.keep_alive) = object.next_value()?;
                Ok(())
            }
            (Native, "format") | (OpenAi, "response_format") | (Responses, "text") => {
                let is_object_enough = dialect == Native;
                options.wants_json = object.next_value_seed(FormatSeed { is_object_enough })?;
                Ok(())
            }
            (OpenAi | Anthropic, "max_tokens") | (Responses, "max_output_tokens") => {
                set_number(&mut options.num_predict, object)
            }
            (Native, "shift") => set_flag(&mut options.shift, object),
            (Native, "truncate") => set_flag(&mut options.truncate, object),
            (Native, "raw") => {
                options.raw = object.next_value::<Setting>()?.flag == Some(true);
                Ok(())
            }
            (Native, "think")
            | (OpenAi, "reasoning_effort" | "reasoning")
            | (Responses, "reasoning")
            | (Anthropic, "thinking" | "output_config") => self.read_think(object),
            _ => object.next_value::<IgnoredAny>().map(drop),
        }
    }

    fn read_think<'de, A: MapAccess<'de>>(&mut self, object: &mut A) -> Result<(), A::Error> {
        let mut hasher = keys().build_hasher();
        let mut is_asked = false;
        object.next_value_seed(FlatSeed {
            each: &mut |piece| {
                hasher.write(piece.as_bytes());
                is_asked = true;
            },
            is_nested: false,
        })?;
        if is_asked {
            self.think = hasher.finish() | 1;
        }
        Ok(())
    }
}

fn set_number<'de, A: MapAccess<'de>>(
    number: &mut Option<i64>,
    object: &mut A,
) -> Result<(), A::Error> {
    *number = object.next_value::<Setting>()?.number;
    Ok(())
}

fn set_flag<'de, A: MapAccess<'de>>(
    flag: &mut Option<bool>,
    object: &mut A,
) -> Result<(), A::Error> {
    *flag = object.next_value::<Setting>()?.flag;
    Ok(())
}

/// Reads the object `options`.
struct OptionsSeed<'d> {
    options: &'d mut Options,
    is_native: bool,
}

/// Reads whether a reply in JSON is asked for: `json`, a schema, or an object that names either.
struct FormatSeed {
    is_object_enough: bool,
}

/// The value of `keep_alive`.
struct OptionalKeepAlive(Option<KeepAlive>);

seed!(OptionsSeed);

impl<'de> Visitor<'de> for OptionsSeed<'_> {
    type Value = ();
    skip!((); scalars string list);

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let options = self.options;
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            let number = match &*key {
                "num_ctx" => &mut options.num_ctx,
                _ if !self.is_native => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
                "num_batch" => &mut options.num_batch,
                "num_gpu" => &mut options.num_gpu,
                "main_gpu" => &mut options.main_gpu,
                "num_thread" => &mut options.num_thread,
                "draft_num_predict" => &mut options.draft_num_predict,
                "num_keep" => &mut options.num_keep,
                "num_predict" => &mut options.num_predict,
                "use_mmap" => {
                    set_flag(&mut options.use_mmap, &mut object)?;
                    continue;
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            set_number(number, &mut object)?;
        }
        Ok(())
    }
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

impl<'de> Deserialize<'de> for OptionalKeepAlive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeepAliveVisitor;

        impl<'de> Visitor<'de> for KeepAliveVisitor {
            type Value = OptionalKeepAlive;
            skip!(OptionalKeepAlive(None); bool unit list object);

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Self::Value, E> {
                Ok(OptionalKeepAlive(KeepAlive::read(&Value::from(seconds))))
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Self::Value, E> {
                Ok(OptionalKeepAlive(KeepAlive::read(&Value::from(seconds))))
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Self::Value, E> {
                Ok(OptionalKeepAlive(KeepAlive::read(&Value::from(seconds))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let text = prefix(text, MAX_DURATION);
                Ok(OptionalKeepAlive(KeepAlive::read(&Value::from(text))))
            }
        }

        deserializer.deserialize_any(KeepAliveVisitor)
    }
}
