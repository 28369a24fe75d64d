//! Objects, lists, and values that are not parsed.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scalars::Str;

/// An object; any other value is `None`.
#[derive(Debug)]
pub struct Object<T>(pub Option<T>);

/// The objects of a list; an object by itself is a list of one.
#[derive(Debug)]
pub struct List<T>(pub Vec<T>);

/// Any value as it was written, however deep. Null and an absent value are `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw<'a>(pub Option<&'a RawValue>);

/// The presence of a value, all that matters of some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    #[default]
    Absent,
    /// An empty list.
    Empty,
    Filled,
}

impl<T> Default for Object<T> {
    fn default() -> Object<T> {
        Object(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            skip!(Object(None); scalars string list);

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object))
                    .map(|object| Object(Some(object)))
            }
        }

        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;
            skip!(List::default(); scalars string);

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut objects = Vec::new();
                while let Some(Object(object)) = list.next_element()? {
                    objects.extend(object);
                }
                Ok(List(objects))
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object)).map(|object| List(vec![object]))
            }
        }

        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

impl Raw<'_> {
    /// Returns the value as JSON without blanks between its tokens, or the text of a string, which
    /// some servers put the JSON into.
    pub fn json(&self) -> Cow<'_, str> {
        let Some(raw) = self.0.map(RawValue::get) else {
            return Cow::Borrowed("");
        };
        if raw.starts_with('"') {
            return serde_json::from_str::<Str<'_>>(raw)
                .map_or(Cow::Borrowed(""), |text| Cow::Owned(text.0.into_owned()));
        }
        Cow::Owned(compact(raw))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer)
            .map(|raw| Raw(Some(raw).filter(|raw| raw.get() != "null")))
    }
}

/// Removes the blanks between the tokens of `json`.
pub fn compact(json: &str) -> String {
    let (mut in_string, mut is_escaped, mut start) = (false, false, 0);
    let mut compact = String::with_capacity(json.len());
    for (at, byte) in json.bytes().enumerate() {
        if !in_string && byte.is_ascii_whitespace() {
            compact.push_str(&json[start..at]);
            start = at + 1;
        }
        in_string ^= byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
    }
    compact.push_str(&json[start..]);
    compact
}

/// The length of a list; of any other value it is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Length(pub Option<u64>);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LengthVisitor;

        impl<'de> Visitor<'de> for LengthVisitor {
            type Value = Length;
            skip!(Length(None); scalars string object);

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Length, A::Error> {
                let mut length = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
                Ok(Length(Some(length)))
            }
        }

        deserializer.deserialize_any(LengthVisitor)
    }
}

impl Presence {
    pub fn is_present(self) -> bool {
        self != Presence::Absent
    }
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PresenceVisitor;

        impl<'de> Visitor<'de> for PresenceVisitor {
            type Value = Presence;
            skip!(Presence::Filled; bool numbers string object);

            fn visit_unit<E: Error>(self) -> Result<Presence, E> {
                Ok(Presence::Absent)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Presence, A::Error> {
                let mut presence = Presence::Empty;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    presence = Presence::Filled;
                }
                Ok(presence)
            }
        }

        deserializer.deserialize_any(PresenceVisitor)
    }
}

/// Parses `json`, which must be an object.
pub fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> serde_json::Result<T> {
    let Object(object) = serde_json::from_slice(json)?;
    object.ok_or_else(|| serde_json::Error::custom("not an object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_objects_are_left_out() {
        type Strings<'a> = List<std::collections::BTreeMap<&'a str, Str<'a>>>;
        for (json, count) in [
            ("[{},{\"a\":7},null,3,[{}],\"x\"]", 2),
            ("{\"a\":\"b\"}", 1),
            ("null", 0),
            ("\"x\"", 0),
            ("7", 0),
        ] {
            assert_eq!(
                serde_json::from_str::<Strings<'_>>(json).unwrap().0.len(),
                count,
                "{json}"
            );
        }
        assert!(object::<IgnoredAny>(b" {} ").is_ok());
        for json in ["[]", "null", "7", "{} {}", "{"] {
            assert!(object::<IgnoredAny>(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn a_raw_value_is_compact_json_or_the_content_of_a_string() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let rows = [
            (
                r#"{"a": [1, "b \" c"], "d":{}}"#,
                r#"{"a":[1,"b \" c"],"d":{}}"#,
            ),
            (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
            (r#""""#, ""),
            ("null", ""),
            (deep.as_str(), deep.as_str()),
        ];
        for (json, text) in rows {
            assert_eq!(serde_json::from_str::<Raw<'_>>(json).unwrap().json(), text);
        }
    }

    #[test]
    fn an_empty_list_is_present_and_empty() {
        for (json, presence) in [
            ("[]", Presence::Empty),
            ("[0]", Presence::Filled),
            ("\"a\"", Presence::Filled),
            ("null", Presence::Absent),
        ] {
            assert_eq!(
                serde_json::from_str::<Presence>(json).unwrap(),
                presence,
                "{json}"
            );
        }
    }
}
