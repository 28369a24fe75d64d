//! The fields `model` and `prompt` of a transcription's multipart/form-data body, as far as its head was kept. Audio is skipped.

use super::request::Request;
use super::text::BoundedText;

/// The longest heading of a part that is looked through, in bytes.
const MAX_HEADING: usize = 8 << 10;

pub fn read(body: &[u8], content_type: &str) -> Request {
    let mut request = Request::default();
    let Some(boundary) =
        parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty())
    else {
        return Request {
            failed: true,
            ..request
        };
    };
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body
        .strip_prefix(&delimiter.as_bytes()[2..])
        .or_else(|| after(body, delimiter.as_bytes()))
        .unwrap_or_default();
    while let Some((heading, content)) = part(rest) {
        let end = find(content, delimiter.as_bytes());
        let value = || String::from_utf8_lossy(&content[..end.unwrap_or(content.len())]);
        match field(heading).as_deref() {
            Some("model") => request.model = Some(value().into_owned()),
            Some("prompt") => {
                request.prompt.insert(BoundedText::default()).push(&value());
                request.truncated = end.is_none();
            }
            _ => {}
        }
        rest = end.map_or(&[], |end| &content[end + delimiter.len()..]);
    }
    request
}

/// The heading of a part that begins after its delimiter, and all that follows it.
fn part(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = find(&rest[..rest.len().min(MAX_HEADING)], b"\r\n\r\n")?;
    (!rest.starts_with(b"--")).then(|| (&rest[..end], &rest[end + 4..]))
}

/// The name of a field that is no file.
fn field(heading: &[u8]) -> Option<String> {
    let heading = String::from_utf8_lossy(heading);
    let disposition = heading.lines().find(|line| {
        line.to_ascii_lowercase()
            .starts_with("content-disposition:")
    })?;
    match parameter(disposition, "filename") {
        None => parameter(disposition, "name"),
        Some(_) => None,
    }
}

/// The parameter `name` of a header's value, with its quotes taken off.
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
        let request = read(body, TYPE);
        assert_eq!(request.model.as_deref(), Some("whisper"));
        assert_eq!(request.prompt.unwrap().as_str(), "what\r\nis it");
        assert!(!request.failed && !request.truncated);
    }

    #[test]
    fn a_head_that_ends_anywhere_gives_what_it_holds() {
        let body = b"--x1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--x1\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nabc";
        for end in 0..body.len() {
            read(&body[..end], TYPE);
        }
        let request = read(body, TYPE);
        assert_eq!(
            (request.model.as_deref(), request.truncated),
            (Some("whisper"), true)
        );
        assert!(read(body, "application/json").failed);
    }
}
