//! What a body says of the conversation that it belongs to.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::values::StringSeed;
use crate::diagnose::session::SessionHints;
use crate::diagnose::session::hints::session_of_user;

/// Reads the object `metadata`, in which Claude Code names its session.
pub struct MetadataSeed<'d>(pub &'d mut SessionHints);

seed!(MetadataSeed);

impl<'de> Visitor<'de> for MetadataSeed<'_> {
    type Value = ();
    skip!((); scalars string list);

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            if key.eq_ignore_ascii_case("user_id") {
                object.next_value_seed(StringSeed(&mut |user| {
                    self.0.told = session_of_user(user);
                }))?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
