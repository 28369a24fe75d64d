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
}

/// A model's name, folded.
fn model_field<'de: 'a, 'a, D: Deserializer<'de>>(
    field: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    /// Serde borrows a string in an option only when it is wrapped.
    #[derive(Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(Option::<Name>::deserialize(field)?.map(|name| normalize_cow(name.0)))
}
