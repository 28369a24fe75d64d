//! A record without its texts: all that filters and statistics need.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use crate::history::record::client_name;
use crate::observe::model_name::normalize_cow;

/// The fields that filters and statistics need of a record, borrowed from where they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RecordSummary<'a> {
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
    /// The client that `metadata` names, if any.
    #[serde(
        borrow,
        rename = "metadata",
        deserialize_with = "client_name::deserialize"
    )]
    pub client: Option<Cow<'a, str>>,
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
