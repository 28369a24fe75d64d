//! Heads, both ways: what passes and what stops here. Pure.

use crate::reply;
use crate::server::Head;

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

/// The head of a request as it goes to Ollama: the line and the headers in their order and bytes, less those of the
/// connection. `host` replaces the client's, and stands in where none was sent. Leave to send the body is asked for where
/// the client still waits for it.
pub fn request_head(request: &Head, base_path: &str, host: Host, asks_leave: bool) -> Vec<u8> {
    let mut head = Vec::with_capacity(request.raw().len() + 64);
    let target = request.target();
    let based = if target.starts_with(b"/") { base_path } else { "" };
    put(&mut head, &[request.method().as_bytes(), b" ", based.as_bytes(), target, b" HTTP/1.1\r\n"]);
    let (Host::Client(name) | Host::Upstream(name)) = host;
    if request.values("host").next().is_none() {
        put(&mut head, &[b"Host: ", name.as_bytes(), b"\r\n"]);
    }
    for field in request.passing() {
        match host {
            Host::Upstream(name) if field.is("host") => put(&mut head, &[field.name.as_bytes(), b": ", name.as_bytes(), b"\r\n"]),
            _ if field.is("expect") && !asks_leave => {}
            _ => head.extend_from_slice(field.line),
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

fn put(head: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| head.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Gatherer;

    fn head(text: &str, base_path: &str, host: Host, asks_leave: bool) -> String {
        let request = Gatherer::default().take(&mut text.as_bytes().to_vec()).unwrap().unwrap();
        String::from_utf8_lossy(&request_head(&request, base_path, host, asks_leave)).into_owned()
    }

    #[test]
    fn a_request_keeps_its_headers_in_order_and_bytes_less_those_of_the_connection() {
        let sent = "PROPFIND /a?b=|c| HTTP/1.1\r\nhOst: tap:1\r\nX-A:1\r\nConnection: close, X-Secret\r\nx-secret: 2\r\nX-A:  2 \r\n\
            TE: trailers\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
        let kept = "PROPFIND /a?b=|c| HTTP/1.1\r\nhOst: tap:1\r\nX-A:1\r\nX-A:  2 \r\nContent-Length: 3\r\n";
        assert_eq!(head(sent, "", Host::Client("ollama"), true), format!("{kept}Expect: 100-continue\r\n\r\n"));
        assert_eq!(head(sent, "", Host::Client("ollama"), false), format!("{kept}\r\n"));
    }

    #[test]
    fn host_is_replaced_or_added_where_it_must_be() {
        let sent = "GET / HTTP/1.1\r\nHost: tap\r\nA: 1\r\n\r\n";
        assert_eq!(head(sent, "/base", Host::Upstream("ollama:1"), false), "GET /base/ HTTP/1.1\r\nHost: ollama:1\r\nA: 1\r\n\r\n");
        let none = "GET / HTTP/1.0\r\nA: 1\r\n\r\n";
        assert_eq!(head(none, "", Host::Client("ollama:1"), false), "GET / HTTP/1.1\r\nHost: ollama:1\r\nA: 1\r\n\r\n");
    }

    #[test]
    fn a_reply_keeps_its_reason_and_headers_less_those_of_the_connection() {
        let raw = b"HTTP/1.1 299 Odd Reason\r\nvary: a\r\nConnection: x-b\r\nX-B: 1\r\nVary: c\r\nTransfer-Encoding: chunked\r\nX-L\xe4tin: \xff\r\n\r\n";
        assert_eq!(reply_head(raw, "HTTP/1.0", reply::Framing::Close), b"HTTP/1.0 299 Odd Reason\r\nvary: a\r\nVary: c\r\n");
        let latin_value = b"HTTP/1.1 200 OK\r\nX: \xe4\r\n\r\n";
        assert_eq!(reply_head(latin_value, "HTTP/1.1", reply::Framing::Chunked), b"HTTP/1.1 200 OK\r\nX: \xe4\r\n");
    }
}
