//! Heads, both ways: what passes, what stops here, and how a body is framed. Pure.

use tiny_http::Header;

use crate::reply;

/// Headers that belong to one connection (RFC 9110 section 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that `Connection` cannot take away: without them a request would be another one.
const PROTECTED: [&str; 2] = ["host", "content-length"];

/// How the body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Empty,
    Length(u64),
    Chunked,
}

/// What is wrong with a request's head that tiny_http lets pass: it would be another one to whoever reads it next.
pub fn check(method: &str, target: &str, headers: &[Header]) -> Result<(), String> {
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let is_control = |b: u8| b.is_ascii_control() && b != b'\t';
    if !is_token(method) {
        return Err(format!("method \"{}\" is none", method.escape_debug()));
    }
    if !target.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("the target has a blank or a control character".into());
    }
    match headers.iter().find(|h| !is_token(h.field.as_str().as_str()) || h.value.as_str().bytes().any(is_control)) {
        Some(bad) => {
            Err(format!("header \"{}\" is none, or its value has a control character", bad.field.as_str().as_str().escape_debug()))
        }
        None => Ok(()),
    }
}

/// The framing that `headers` announce, or what is wrong with them: what tiny_http would read otherwise than Ollama.
pub fn framing(headers: &[Header]) -> Result<Framing, String> {
    let values = |name: &'static str| headers.iter().filter(move |h| h.field.equiv(name)).map(|h| h.value.as_str().trim());
    let encodings: Vec<&str> = values("transfer-encoding").collect();
    let lengths: Vec<&str> = values("content-length").collect();
    match (&encodings[..], &lengths[..]) {
        ([], []) => Ok(Framing::Empty),
        ([], [length]) => parse_length(length),
        ([], [..]) => Err("more than one content-length".into()),
        ([encoding], []) if encoding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        ([encoding, ..], []) => Err(format!("transfer-encoding \"{encoding}\": only \"chunked\" is known")),
        ([..], [..]) => Err("content-length together with transfer-encoding".into()),
    }
}

fn parse_length(text: &str) -> Result<Framing, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(0) if digits => Ok(Framing::Empty),
        Ok(length) if digits => Ok(Framing::Length(length)),
        _ => Err(format!("content-length \"{text}\" is no number of bytes")),
    }
}

/// The head of a request as it goes to Ollama: the line and the headers in their order and letters, less those of the
/// connection. `host` replaces the client's, and stands in where an HTTP/1.0 client sent none.
pub fn request_head(method: &str, target: &str, headers: &[Header], host: Host) -> Vec<u8> {
    let named = named_by_connection(headers.iter().map(|h| (h.field.as_str().as_str(), h.value.as_str())));
    let mut head = Vec::with_capacity(512);
    put(&mut head, &[method, " ", target, " HTTP/1.1\r\n"]);
    let sent = headers.iter().any(|h| h.field.equiv("host"));
    match host {
        Host::Client(fallback) if !sent => put(&mut head, &["Host: ", fallback, "\r\n"]),
        Host::Upstream(name) if !sent => put(&mut head, &["Host: ", name, "\r\n"]),
        _ => {}
    }
    for header in headers {
        let (field, value) = (header.field.as_str().as_str(), header.value.as_str());
        match host {
            Host::Upstream(name) if header.field.equiv("host") => put(&mut head, &[field, ": ", name, "\r\n"]),
            _ if header.field.equiv("transfer-encoding") => put(&mut head, &[field, ": chunked\r\n"]),
            _ if stops_here(field, &named) => {}
            _ => put(&mut head, &[field, ": ", value, "\r\n"]),
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Whose name `Host` carries to Ollama (design.md section 2.1).
#[derive(Clone, Copy)]
pub enum Host<'a> {
    /// The client's; the name given here where it sent none.
    Client(&'a str),
    /// Ollama's, whatever the client said.
    Upstream(&'a str),
}

/// The head of a reply as it goes to the client, without its empty line: status and reason as they came, the
/// headers in their order and letters, less those of the connection.
pub fn reply_head(raw: &[u8], version: &str, framing: reply::Framing) -> Vec<u8> {
    let mut lines = raw.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let status = lines.next().unwrap_or_default();
    let fields: Vec<&[u8]> = lines.take_while(|line| !line.is_empty()).collect();
    let named = named_by_connection(fields.iter().filter_map(|line| Some((name_of(line)?, std::str::from_utf8(value_of(line)).ok()?))));
    let mut head = Vec::with_capacity(raw.len() + 64);
    head.extend_from_slice(version.as_bytes());
    head.extend_from_slice(status.get(status.iter().position(|b| *b == b' ').unwrap_or(status.len())..).unwrap_or_default());
    head.extend_from_slice(b"\r\n");
    for line in fields {
        // A length beside chunks would be a second opinion on where the reply ends.
        let misleads =
            |name: &str| name.eq_ignore_ascii_case("content-length") && !matches!(framing, reply::Framing::Length | reply::Framing::None);
        if name_of(line).is_some_and(|name| !stops_here(name, &named) && !misleads(name)) {
            head.extend_from_slice(line);
            head.extend_from_slice(b"\r\n");
        }
    }
    head
}

fn named_by_connection<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<&'a str> {
    headers
        .filter(|(field, _)| field.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .filter(|name| !PROTECTED.iter().any(|kept| kept.eq_ignore_ascii_case(name)))
        .collect()
}

fn stops_here(field: &str, named: &[&str]) -> bool {
    HOP_BY_HOP.iter().any(|hop| hop.eq_ignore_ascii_case(field)) || named.iter().any(|name| name.eq_ignore_ascii_case(field))
}

fn name_of(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|b| *b == b':')?;
    std::str::from_utf8(&line[..colon]).ok().map(str::trim)
}

fn value_of(line: &[u8]) -> &[u8] {
    line.iter().position(|b| *b == b':').and_then(|colon| line.get(colon + 1..)).unwrap_or_default().trim_ascii()
}

fn put(head: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| head.extend_from_slice(part.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> Vec<Header> {
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    fn framed(lines: &[&str]) -> Result<Framing, String> {
        framing(&headers(lines))
    }

    #[test]
    fn one_way_to_read_a_body_is_accepted_and_every_other_refused() {
        assert_eq!(framed(&["A: b"]), Ok(Framing::Empty));
        assert_eq!(framed(&["Content-Length: 0"]), Ok(Framing::Empty));
        assert_eq!(framed(&["content-length: 12"]), Ok(Framing::Length(12)));
        assert_eq!(framed(&["Transfer-Encoding: Chunked"]), Ok(Framing::Chunked));
        for bad in ["-1", "+1", "1 2", "1,1", "0x10", "", "99999999999999999999999"] {
            assert!(framed(&[&format!("Content-Length: {bad}")]).is_err(), "{bad}");
        }
        assert!(framed(&["Content-Length: 1", "Content-Length: 1"]).is_err());
        assert!(framed(&["Content-Length: 1", "Transfer-Encoding: chunked"]).is_err());
        assert!(framed(&["Transfer-Encoding: gzip, chunked"]).is_err());
        assert!(framed(&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]).is_err());
    }

    #[test]
    fn what_would_read_as_two_requests_further_on_is_refused() {
        let fine = headers(&["X-A: b\tc"]);
        assert_eq!(check("PROPFIND", "/a?b=%20|", &fine), Ok(()));
        for bad in ["G(T", "", "GET\n"] {
            assert!(check(bad, "/", &fine).is_err(), "{bad}");
        }
        assert!(check("GET", "/a\nb", &fine).is_err());
        for line in ["X-A: b\nX-B: c", "X-A: b\rc", ": b"] {
            assert!(check("GET", "/", &headers(&[line])).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_request_keeps_its_headers_in_order_and_letters_less_those_of_the_connection() {
        let sent = headers(&[
            "hOst: tap:1",
            "X-A: 1",
            "Connection: close, X-Secret",
            "x-secret: 2",
            "X-A: 2",
            "TE: trailers",
            "Expect: 100-continue",
        ]);
        let head = request_head("PROPFIND", "/a?b=|c|", &sent, Host::Client("ollama"));
        assert_eq!(
            String::from_utf8(head).unwrap(),
            "PROPFIND /a?b=|c| HTTP/1.1\r\nhOst: tap:1\r\nX-A: 1\r\nX-A: 2\r\nExpect: 100-continue\r\n\r\n"
        );
    }

    #[test]
    fn host_is_replaced_or_added_where_it_must_be() {
        let head = |lines: &[&str], host| String::from_utf8(request_head("GET", "/", &headers(lines), host)).unwrap();
        assert_eq!(head(&["Host: tap", "A: 1"], Host::Upstream("ollama:1")), "GET / HTTP/1.1\r\nHost: ollama:1\r\nA: 1\r\n\r\n");
        assert_eq!(head(&["A: 1"], Host::Client("ollama:1")), "GET / HTTP/1.1\r\nHost: ollama:1\r\nA: 1\r\n\r\n");
    }

    #[test]
    fn connection_cannot_name_away_the_length() {
        let head = request_head("POST", "/", &headers(&["Host: a", "Connection: content-length", "Content-Length: 3"]), Host::Client("a"));
        assert!(String::from_utf8(head).unwrap().contains("Content-Length: 3"));
    }

    #[test]
    fn a_reply_keeps_its_reason_and_headers_less_those_of_the_connection() {
        let raw = b"HTTP/1.1 299 Odd Reason\r\nvary: a\r\nConnection: x-b\r\nX-B: 1\r\nVary: c\r\nTransfer-Encoding: chunked\r\nX-L\xe4tin: \xff\r\n\r\n";
        assert_eq!(reply_head(raw, "HTTP/1.0", reply::Framing::Close), b"HTTP/1.0 299 Odd Reason\r\nvary: a\r\nVary: c\r\n");
        let latin_value = b"HTTP/1.1 200 OK\r\nX: \xe4\r\n\r\n";
        assert_eq!(reply_head(latin_value, "HTTP/1.1", reply::Framing::Chunked), b"HTTP/1.1 200 OK\r\nX: \xe4\r\n");
    }
}
