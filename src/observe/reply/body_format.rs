//! The format of a reply's body. Where Content-Type and the first bytes disagree, the bytes decide.

/// The way in which a body holds its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// One object per line.
    Lines,
    EventStream,
    /// One JSON object, unless it turns out that its first line is one.
    Object,
    Unknown,
}

/// The byte order mark, with which a UTF-8 text may begin.
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// The possible beginnings of an event stream.
const SSE_FIELDS: [&[u8]; 6] = [b"data:", b"event:", b"id:", b"retry:", b"error:", b":"];

impl BodyFormat {
    /// Returns the format that a Content-Type declares.
    pub fn from_content_type(content_type: Option<&str>) -> BodyFormat {
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
            | "application/x-jsonlines" => BodyFormat::Lines,
            "text/event-stream" => BodyFormat::EventStream,
            "application/json" => BodyFormat::Object,
            _ => BodyFormat::Unknown,
        }
    }

    /// Returns the format of a body that begins with `head`, from which leading blanks were
    /// trimmed; `None` while more of it is needed.
    pub fn detect(self, head: &[u8]) -> Option<BodyFormat> {
        match (self, head.first()?) {
            (BodyFormat::Lines | BodyFormat::EventStream, b'{') => Some(BodyFormat::Lines),
            (_, b'{') => Some(BodyFormat::Object),
            _ if UTF8_BOM.starts_with(head) => None,
            (BodyFormat::EventStream, _) => Some(BodyFormat::EventStream),
            _ if SSE_FIELDS.iter().any(|field| head.starts_with(field)) => {
                Some(BodyFormat::EventStream)
            }
            _ if SSE_FIELDS.iter().any(|field| field.starts_with(head)) => None,
            _ => Some(self),
        }
    }
}

/// Trims the byte order mark and the blanks at the beginning of `bytes`.
pub fn trim_start(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii_start();
    bytes
        .strip_prefix(UTF8_BOM)
        .unwrap_or(bytes)
        .trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_where_the_type_disagrees() {
        let rows: [(&str, &str, BodyFormat); 12] = [
            ("application/json; charset=utf-8", "{", BodyFormat::Object),
            ("application/json", "data: {", BodyFormat::EventStream),
            ("Application/X-NDJSON", "{", BodyFormat::Lines),
            ("application/x-ndjson", "event: x", BodyFormat::EventStream),
            ("text/event-stream", "{", BodyFormat::Lines),
            ("text/event-stream", "foo", BodyFormat::EventStream),
            ("text/plain", "{", BodyFormat::Object),
            ("", ": comment", BodyFormat::EventStream),
            ("", "retry:1", BodyFormat::EventStream),
            ("text/html", "<html>", BodyFormat::Unknown),
            ("text/html", "date", BodyFormat::Unknown),
            ("application/json", "[", BodyFormat::Object),
        ];
        for (content_type, head, shape) in rows {
            assert_eq!(
                BodyFormat::from_content_type(Some(content_type)).detect(head.as_bytes()),
                Some(shape),
                "{content_type} {head}"
            );
        }
        assert_eq!(BodyFormat::from_content_type(None).detect(b"eve"), None);
        for undecided in [&b""[..], b"\xef", b"\xef\xbb"] {
            assert_eq!(BodyFormat::EventStream.detect(undecided), None);
        }
        assert_eq!(trim_start(b" \n\xef\xbb\xbf\r\n{ "), b"{ ");
    }
}
