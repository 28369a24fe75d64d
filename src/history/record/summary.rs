//! A record without its texts: all that filters and statistics need.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::SecondsSpent;
use crate::observe::model_name::normalize_cow;

/// The fields that filters and statistics need of a record, borrowed from where they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RecordSummary<'a> {
    #[serde(borrow)]
    pub interaction_id: Cow<'a, str>,
    pub timestamp: f64,
    /// Folded, whichever spelling the history has.
    #[serde(borrow, deserialize_with = "model_field")]
    pub model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub endpoint: Cow<'a, str>,
    #[serde(borrow)]
    pub prompt_category: Cow<'a, str>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    pub prompt_tokens: Option<u64>,
    pub generated_tokens: Option<u64>,
    pub tokens_per_second: Option<f64>,
    #[serde(alias = "duration")]
    pub duration_seconds: Option<f64>,
    pub time_to_first_token_seconds: Option<f64>,
    pub prompt_cached_tokens: Option<u64>,
    #[serde(alias = "load_duration")]
    pub load_duration_seconds: Option<f64>,
    pub prompt_eval_duration_seconds: Option<f64>,
    #[serde(alias = "eval_duration")]
    pub eval_duration_seconds: Option<f64>,
    pub time_spent: Option<SecondsSpent>,
    #[serde(borrow)]
    pub reload_cause: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub error: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text_field")]
    pub client: Option<Cow<'a, str>>,
    /// The address that `metadata` has, if any.
    #[serde(borrow, rename = "metadata", deserialize_with = "client_ip_field")]
    pub client_ip: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub host: Option<Cow<'a, str>>,
    pub tap: Option<u16>,
    pub vram_share: Option<f64>,
    #[serde(borrow)]
    pub ollama_version: Option<Cow<'a, str>>,
    /// Its beginning, see `short_digest`.
    #[serde(borrow, deserialize_with = "digest_field")]
    pub digest: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub quantization: Option<Cow<'a, str>>,
}

/// A load that takes longer than this is one from the disk (seconds): the seed and older taps say
/// no cause of a load.
const LOAD_SECONDS_MIN: f64 = 1.0;

/// The cause of a load of which nobody knows why it was.
const UNKNOWN_CAUSE: &str = "unknown";

impl RecordSummary<'_> {
    /// Returns why its model was loaded for it; `None` where it was there already.
    pub fn cold_start(&self) -> Option<&str> {
        let has_loaded = self.load_duration_seconds > Some(LOAD_SECONDS_MIN);
        let unknown = has_loaded.then_some(UNKNOWN_CAUSE);
        self.reload_cause.as_deref().or(unknown)
    }

    /// Returns what its time went into, as far as that is known.
    pub fn seconds_spent(&self) -> SecondsSpent {
        self.time_spent.unwrap_or_else(|| {
            SecondsSpent::told(
                self.duration_seconds,
                self.load_duration_seconds,
                self.prompt_eval_duration_seconds,
                self.eval_duration_seconds,
            )
        })
    }
}

/// The field of a record's `metadata` that summaries have.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow)]
    client_ip: Option<Wrapped<'a>>,
}

/// Returns the client's address in `metadata`, which is JSON; in a history taken over from
/// elsewhere it may hold anything.
pub fn client_ip(metadata: &str) -> Option<Cow<'_, str>> {
    let metadata: Metadata = serde_json::from_str(metadata).unwrap_or_default();
    metadata.client_ip.map(|text| text.0)
}

fn client_ip_field<'de: 'a, 'a, D: Deserializer<'de>>(
    field: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    <&'de RawValue>::deserialize(field).map(|metadata| client_ip(metadata.get()))
}

fn text_field<'de: 'a, 'a, D: Deserializer<'de>>(
    field: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(Option::<Wrapped>::deserialize(field)?.map(|text| text.0))
}

/// Characters of a digest that tell models apart: those that `ollama list` shows.
pub const SHORT_DIGEST_CHARS: usize = 12;

/// Returns the beginning of a digest.
pub fn short_digest(digest: Cow<str>) -> Cow<str> {
    match digest {
        Cow::Borrowed(text) => text.get(..SHORT_DIGEST_CHARS).unwrap_or(text).into(),
        Cow::Owned(mut text) => {
            if text.is_char_boundary(SHORT_DIGEST_CHARS) {
                text.truncate(SHORT_DIGEST_CHARS);
            }
            text.into()
        }
    }
}

/// Serde borrows a string in an option only when it is wrapped.
#[derive(Deserialize)]
struct Wrapped<'a>(#[serde(borrow)] Cow<'a, str>);

/// A model's name, folded.
fn model_field<'de: 'a, 'a, D: Deserializer<'de>>(
    field: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    let name = Option::<Wrapped>::deserialize(field)?;
    Ok(name.map(|name| normalize_cow(name.0)))
}

fn digest_field<'de: 'a, 'a, D: Deserializer<'de>>(
    field: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    let digest = Option::<Wrapped>::deserialize(field)?;
    Ok(digest.map(|digest| short_digest(digest.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_a_cold_start_where_its_cause_is_told_or_it_took_long() {
        let summary = |cause: Option<&'static str>, load| RecordSummary {
            reload_cause: cause.map(Cow::Borrowed),
            load_duration_seconds: load,
            ..RecordSummary::default()
        };
        for (cause, load, expected) in [
            (Some("room"), Some(0.2), Some("room")),
            (Some("first"), None, Some("first")),
            (None, Some(1.5), Some("unknown")),
            (None, Some(0.05), None),
            (None, None, None),
        ] {
            assert_eq!(summary(cause, load).cold_start(), expected);
        }
    }

    #[test]
    fn an_address_is_read_where_metadata_has_one() {
        for (metadata, ip) in [
            (r#"{"user_agent":"x","client_ip":"::1"}"#, Some("::1")),
            (r#"{"client_ip":null}"#, None),
            (r#"{"client_ip":7}"#, None),
            (r#""text""#, None),
            ("no JSON", None),
        ] {
            assert_eq!(client_ip(metadata).as_deref(), ip, "{metadata}");
        }
    }
}
