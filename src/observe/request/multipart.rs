//! Reads the model, the prompt and the parameters of a multipart/form-data body, as far as it was
//! kept. Files are skipped.

use super::facts::RequestFacts;
use super::parameters::{RequestParameters, is_parameter, of_text, set};
use crate::http::route::Dialect;
use crate::observe::text::BoundedText;

/// The longest headers of a part that are read, in bytes.
const MAX_PART_HEADERS: usize = 8 << 10;

/// Reads the parts of a body whose Content-Type names the boundary.
pub fn parse(body: &[u8], content_type: &str) -> RequestFacts {
    let mut facts = RequestFacts::default();
    let mut parameters = RequestParameters::new();
    let Some(boundary) =
        parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty())
    else {
        return RequestFacts {
            parse_failed: true,
            ..facts
        };
    };
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body
        .strip_prefix(&delimiter.as_bytes()[2..])
        .or_else(|| after(body, delimiter.as_bytes()))
        .unwrap_or_default();
    while let Some((headers, content)) = next_part(rest) {
        let end = find(content, delimiter.as_bytes());
        let value = || String::from_utf8_lossy(&content[..end.unwrap_or(content.len())]);
        match field_name(headers).as_deref() {
            Some("model") => facts.model = Some(value().into_owned()),
            Some("prompt") => {
                facts.prompt.insert(BoundedText::default()).push(&value());
                facts.is_truncated = end.is_none();
            }
            Some(name) if end.is_some() && is_parameter(Dialect::OpenAi, name) => {
                set(&mut parameters, name, of_text(&value()));
            }
            _ => {}
        }
        rest = end.map_or(&[], |end| &content[end + delimiter.len()..]);
    }
    facts.parameters = Some(parameters);
    facts
}

/// Splits `rest`, which begins after a delimiter, into the headers of a part and all that follows
/// them.
fn next_part(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = find(&rest[..rest.len().min(MAX_PART_HEADERS)], b"\r\n\r\n")?;
    (!rest.starts_with(b"--")).then(|| (&rest[..end], &rest[end + 4..]))
}

/// Returns the name of a field that is not a file.
fn field_name(headers: &[u8]) -> Option<String> {
    let headers = String::from_utf8_lossy(headers);
    let disposition = headers.lines().find(|line| {
        line.to_ascii_lowercase()
            .starts_with("content-disposition:")
    })?;
    match parameter(disposition, "filename") {
        None => parameter(disposition, "name"),
        Some(_) => None,
    }
}

/// Returns the parameter `name` of a header's value, without its quotes.
fn parameter(value: &str, name: &str) -> Option<String> {
    let parameters = value
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters
        .into_iter()
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn after<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    find(bytes, needle).map(|at| &bytes[at + needle.len()..])
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"x1\"";

    #[test]
    fn fields_are_read_and_files_are_not() {
        let body = b"--x1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\nContent-Type: audio/wav\r\n\r\n\0\xff\r\n--x\r\n\
            --x1\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n\
            --x1\r\nContent-Disposition: form-data; name=prompt\r\n\r\nwhat\r\nis it\r\n--x1--\r\n";
        let facts = parse(body, TYPE);
        assert_eq!(facts.model.as_deref(), Some("whisper"));
        assert_eq!(facts.prompt.unwrap().as_str(), "what\r\nis it");
        assert!(!facts.parse_failed && !facts.is_truncated);
    }

    #[test]
    fn a_body_that_is_cut_anywhere_yields_its_fields() {
        let body = b"--x1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--x1\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nabc";
        for end in 0..body.len() {
            parse(&body[..end], TYPE);
        }
        let facts = parse(body, TYPE);
        assert_eq!(
            (facts.model.as_deref(), facts.is_truncated),
            (Some("whisper"), true)
        );
        assert!(parse(body, "application/json").parse_failed);
    }
}
