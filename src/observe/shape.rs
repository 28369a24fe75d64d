//! SHAPE: how the objects lie in a reply's body. Its first bytes decide where its Content-Type and they disagree.

/// How the objects lie in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One object a line.
    Lines,
    /// An event stream.
    Events,
    /// One JSON object, unless it turns out that its first line is one.
    Object,
    Unknown,
}

/// The mark of UTF-8, with which a text may begin.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What an event stream may begin with.
const FIELDS: [&[u8]; 6] = [b"data:", b"event:", b"id:", b"retry:", b"error:", b":"];

impl Shape {
    /// What a Content-Type says.
    pub fn declared(content_type: Option<&str>) -> Shape {
        let media_type = content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match media_type.as_str() {
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines" => Shape::Lines,
            "text/event-stream" => Shape::Events,
            "application/json" => Shape::Object,
            _ => Shape::Unknown,
        }
    }

    /// What the beginning of a body without blanks in front says; `None` where more of it is needed.
    pub fn seen(self, head: &[u8]) -> Option<Shape> {
        match (self, head.first()?) {
            (Shape::Lines | Shape::Events, b'{') => Some(Shape::Lines),
            (_, b'{') => Some(Shape::Object),
            _ if MARK.starts_with(head) => None,
            (Shape::Events, _) => Some(Shape::Events),
            _ if FIELDS.iter().any(|field| head.starts_with(field)) => Some(Shape::Events),
            _ if FIELDS.iter().any(|field| field.starts_with(head)) => None,
            _ => Some(self),
        }
    }
}

/// `bytes` without the mark of UTF-8 and the blanks that they begin with.
pub fn without_blanks(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii_start();
    bytes.strip_prefix(MARK).unwrap_or(bytes).trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_where_the_type_disagrees() {
        let rows: [(&str, &str, Shape); 12] = [
            ("application/json; charset=utf-8", "{", Shape::Object),
            ("application/json", "data: {", Shape::Events),
            ("Application/X-NDJSON", "{", Shape::Lines),
            ("application/x-ndjson", "event: x", Shape::Events),
            ("text/event-stream", "{", Shape::Lines),
            ("text/event-stream", "foo", Shape::Events),
            ("text/plain", "{", Shape::Object),
            ("", ": comment", Shape::Events),
            ("", "retry:1", Shape::Events),
            ("text/html", "<html>", Shape::Unknown),
            ("text/html", "date", Shape::Unknown),
            ("application/json", "[", Shape::Object),
        ];
        for (content_type, head, shape) in rows {
            assert_eq!(
                Shape::declared(Some(content_type)).seen(head.as_bytes()),
                Some(shape),
                "{content_type} {head}"
            );
        }
        assert_eq!(Shape::declared(None).seen(b"eve"), None);
        for undecided in [&b""[..], b"\xef", b"\xef\xbb"] {
            assert_eq!(Shape::Events.seen(undecided), None);
        }
        assert_eq!(without_blanks(b" \n\xef\xbb\xbf\r\n{ "), b"{ ");
    }
}
