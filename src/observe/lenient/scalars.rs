//! Strings, numbers and booleans.

use std::borrow::Cow;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The largest count: a float holds no larger one exactly (2^53, as in JavaScript).
const MAX_COUNT: f64 = (1_u64 << 53) as f64;

/// A string; any other value is the empty one. Borrowed unless it has escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Str<'a>(pub Cow<'a, str>);

/// A number, written as an integer, as a float, or as either in a string.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Number(Option<f64>);

/// A boolean; 1 and "true" are true as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boolean(pub bool);

impl Str<'_> {
    /// Returns the text, unless it is empty.
    pub fn non_empty(&self) -> Option<&str> {
        Some(&*self.0).filter(|text| !text.is_empty())
    }
}

impl std::ops::Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrVisitor;

        impl<'de> Visitor<'de> for StrVisitor {
            type Value = Str<'de>;
            skip!(Str::default(); scalars list object);

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_any(StrVisitor)
    }
}

impl Number {
    /// Returns the number if it is a whole one, not negative and below 2^53.
    pub fn count(self) -> Option<u64> {
        self.0
            .filter(|number| number.fract() == 0.0 && (0.0..MAX_COUNT).contains(number))
            .map(|number| number as u64)
    }

    /// Reads the number as a time in nanoseconds.
    pub fn nanos(self) -> Option<Duration> {
        self.time(1e9)
    }

    /// Reads the number as a time in milliseconds.
    pub fn millis(self) -> Option<Duration> {
        self.time(1e3)
    }

    /// Reads the number as a time in units of which a second has `per_second`: at most 2^53 ns,
    /// which is 104 days.
    fn time(self, per_second: f64) -> Option<Duration> {
        let nanos = self
            .0
            .map(|number| number * (1e9 / per_second))
            .filter(|nanos| (0.0..MAX_COUNT).contains(nanos));
        nanos.map(|nanos| Duration::from_nanos(nanos.round() as u64))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl<'de> Visitor<'de> for NumberVisitor {
            type Value = Number;
            skip!(Number::default(); bool unit list object);

            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number as f64)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Some(number as f64)))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number(Some(number)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.trim().parse().ok()))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

impl<'de> Deserialize<'de> for Boolean {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BooleanVisitor;

        impl<'de> Visitor<'de> for BooleanVisitor {
            type Value = Boolean;
            skip!(Boolean::default(); unit list object);

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Boolean, E> {
                Ok(Boolean(flag))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Boolean, E> {
                Ok(Boolean(false))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Boolean, E> {
                Ok(Boolean(number == 1))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Boolean, E> {
                Ok(Boolean(number == 1.0))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Boolean, E> {
                Ok(Boolean(text.eq_ignore_ascii_case("true")))
            }
        }

        deserializer.deserialize_any(BooleanVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Number {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_count_may_be_written_in_any_way_and_is_never_wrong() {
        for json in ["7", "7.0", "\"7\"", "\" 7.0 \"", "7e0", "\"70e-1\""] {
            assert_eq!(number(json).count(), Some(7), "{json}");
        }
        for json in ["0", "0.0", "-0.0", "\"0\""] {
            assert_eq!(number(json).count(), Some(0), "{json}");
        }
        let large = "1".repeat(30);
        for json in [
            "7.5",
            "-7",
            "\"-7\"",
            "\"NaN\"",
            "\"inf\"",
            "\"seven\"",
            "\"\"",
            "null",
            "true",
            "[7]",
            "{\"a\":7}",
            &large,
            "1e300",
        ] {
            assert_eq!(number(json).count(), None, "{json}");
        }
    }

    #[test]
    fn a_time_is_to_the_nanosecond_and_never_negative_or_for_ever() {
        assert_eq!(
            number("93672805").nanos(),
            Some(Duration::from_nanos(93_672_805))
        );
        assert_eq!(
            number("\"12.5\"").millis(),
            Some(Duration::from_micros(12_500))
        );
        assert_eq!(number("0.001").millis(), Some(Duration::from_micros(1)));
        for json in ["-1", "1e300", "\"NaN\"", "null", "9007199254740992"] {
            assert_eq!(
                (
                    number(json).nanos(),
                    number(json).millis().filter(|_| json.len() < 10)
                ),
                (None, None),
                "{json}"
            );
        }
    }

    #[test]
    fn only_strings_are_strings_and_true_has_three_spellings() {
        for (json, text) in [
            ("\"a\\u00e9\"", "aé"),
            ("null", ""),
            ("7", ""),
            ("[\"a\"]", ""),
            ("{\"a\":[1]}", ""),
        ] {
            assert_eq!(
                &*serde_json::from_str::<Str<'_>>(json).unwrap(),
                text,
                "{json}"
            );
        }
        for (json, flag) in [
            ("true", true),
            ("1", true),
            ("1.0", true),
            ("\"True\"", true),
            ("0", false),
            ("null", false),
            ("[true]", false),
        ] {
            assert_eq!(
                serde_json::from_str::<Boolean>(json).unwrap().0,
                flag,
                "{json}"
            );
        }
    }
}
