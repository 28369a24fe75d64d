//! Values of a request that are handed on piece by piece, and not kept.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads a string; anything else is skipped.
pub struct StringSeed<'d>(pub &'d mut dyn FnMut(&str));

/// Reads the strings of a list; anything else is skipped.
pub struct StringsSeed<'d>(pub &'d mut dyn FnMut(&str));

/// Reads a scalar, or the scalars of an object with their keys; anything else is skipped.
pub struct FlatSeed<'d> {
    pub each: &'d mut dyn FnMut(&str),
    pub is_nested: bool,
}

seed!(StringSeed);
seed!(StringsSeed);
seed!(FlatSeed);

impl<'de> Visitor<'de> for StringSeed<'_> {
    type Value = ();
    skip!((); scalars list object);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.0)(text);
        Ok(())
    }
}

impl<'de> Visitor<'de> for StringsSeed<'_> {
    type Value = ();
    skip!((); scalars string object);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(StringSeed(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> Visitor<'de> for FlatSeed<'_> {
    type Value = ();
    skip!((); unit list);

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        (self.each)(if flag { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        (self.each)(&number.to_string());
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        (self.each)(&number.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        (self.each)(&number.to_string());
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.each)(text);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<Cow<'_, str>>()? {
            if self.is_nested {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            (self.each)(&key);
            object.next_value_seed(FlatSeed {
                each: self.each,
                is_nested: true,
            })?;
        }
        Ok(())
    }
}
