//! The content of a message, in one piece or in parts.

use std::borrow::Cow;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::scalars::Str;

/// The text of a message: a string, or parts of which each is a string or an object with `text` or
/// `thinking`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageContent<'a> {
    pub text: Cow<'a, str>,
    pub thinking: Cow<'a, str>,
}

/// One part.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow)]
    text: Str<'a>,
    #[serde(borrow)]
    refusal: Str<'a>,
    #[serde(borrow)]
    thinking: MessageContent<'a>,
}

impl<'a> MessageContent<'a> {
    fn add(&mut self, part: MessageContent<'a>) {
        append(&mut self.text, part.text);
        append(&mut self.thinking, part.thinking);
    }

    fn of_part(part: Part<'a>) -> MessageContent<'a> {
        let mut content = MessageContent {
            text: part.text.0,
            thinking: part.thinking.text,
        };
        append(&mut content.text, part.refusal.0);
        content
    }
}

fn append<'a>(text: &mut Cow<'a, str>, more: Cow<'a, str>) {
    if text.is_empty() {
        *text = more;
    } else if !more.is_empty() {
        text.to_mut().push_str(&more);
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for MessageContent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;

        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = MessageContent<'de>;
            skip!(MessageContent::default(); scalars);

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(MessageContent {
                    text: Cow::Borrowed(text),
                    ..MessageContent::default()
                })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(MessageContent {
                    text: Cow::Owned(text.to_owned()),
                    ..MessageContent::default()
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut content = MessageContent::default();
                while let Some(part) = list.next_element()? {
                    content.add(part);
                }
                Ok(content)
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                Part::deserialize(MapAccessDeserializer::new(object)).map(MessageContent::of_part)
            }
        }

        deserializer.deserialize_any(ContentVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_and_thinking_is_kept_apart() {
        let rows = [
            (r#""a""#, "a", ""),
            (
                r#"[{"type":"text","text":"a"},"b",null,{"type":"image_url","image_url":{"url":"x"}},{"text":"c"}]"#,
                "abc",
                "",
            ),
            (
                r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"text":"a"}]"#,
                "a",
                "hm",
            ),
            (r#"{"thinking":"hm","refusal":"no"}"#, "no", "hm"),
            ("null", "", ""),
            ("[7,[true]]", "", ""),
        ];
        for (json, text, thinking) in rows {
            let content: MessageContent<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(
                (&*content.text, &*content.thinking),
                (text, thinking),
                "{json}"
            );
        }
    }
}
