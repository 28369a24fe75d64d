//! Deserializes values as the many servers write them: one of an unexpected type counts as absent,
//! so that it loses itself and nothing around it.

/// Completes a visitor: a value of the kinds listed is skipped, and `$value` is returned for it.
macro_rules! skip {
    ($value:expr; $($kind:ident)*) => {
        $(skip!(@ $kind, $value);)*

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any value")
        }
    };
    (@ scalars, $value:expr) => {
        skip!(@ bool, $value);
        skip!(@ numbers, $value);
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
    (@ bool, $value:expr) => {
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
    (@ numbers, $value:expr) => {
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
    (@ unit, $value:expr) => {
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
    (@ string, $value:expr) => {
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
    (@ list, $value:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
    (@ object, $value:expr) => {
        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
}

mod containers;
mod content;
mod scalars;

pub use containers::{Length, List, Object, Presence, Raw, compact, object};
pub use content::MessageContent;
pub use scalars::{Boolean, Number, Str};
