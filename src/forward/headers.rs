//! HEADERS, both ways: which pass and which stop here. Pure.

use crate::server::response::ResponseFraming;
use crate::server::{ReplyFraming, ReplyHead, RequestHead};

/// Makes the head of a request as it goes to Ollama: the line and the headers in their order and bytes, less those of the
/// connection. `host` replaces the client's, and stands in where none was sent. `100 Continue` is asked for where
/// the client still waits for it.
pub fn request_head(
    request: &RequestHead,
    base_path: &str,
    host: HostHeader,
    asks_continue: bool,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(request.raw().len() + 64);
    let target = request.target();
    let based = if target.starts_with(b"/") {
        base_path
    } else {
        ""
    };
    put(
        &mut head,
        &[
            request.method().as_bytes(),
            b" ",
            based.as_bytes(),
            target,
            b" HTTP/1.1\r\n",
        ],
    );
    let (HostHeader::Client(name) | HostHeader::Upstream(name)) = host;
    if request.values("host").next().is_none() {
        put(&mut head, &[b"Host: ", name.as_bytes(), b"\r\n"]);
    }
    for field in request.end_to_end() {
        match host {
            HostHeader::Upstream(name) if field.is("host") => put(
                &mut head,
                &[field.name.as_bytes(), b": ", name.as_bytes(), b"\r\n"],
            ),
            _ if field.is("expect") && !asks_continue => {}
            _ => head.extend_from_slice(field.line),
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The name that `Host` carries to Ollama.
#[derive(Clone, Copy)]
pub enum HostHeader<'a> {
    /// The client's; the name given here where it sent none.
    Client(&'a str),
    /// Ollama's, whatever the client said.
    Upstream(&'a str),
}

/// Makes the head of a reply as it goes to the client, without its empty line: status and reason as they came, the
/// headers in their order and letters, less those of the connection.
pub fn reply_head(reply: &ReplyHead, version: &str, framing: ResponseFraming) -> Vec<u8> {
    // A length beside chunks would be a second statement of where the reply ends; beside 204 it speaks of nothing (RFC 9110 section 8.6).
    let misleads = reply.status() == 204
        || !matches!(framing, ResponseFraming::Length | ResponseFraming::None)
        || reply.framing() == ReplyFraming::Chunked;
    let mut head = Vec::with_capacity(reply.raw().len() + 64);
    put(
        &mut head,
        &[version.as_bytes(), reply.status_and_reason(), b"\r\n"],
    );
    for field in reply
        .end_to_end()
        .filter(|field| !misleads || !field.is("content-length"))
    {
        head.extend_from_slice(field.line);
    }
    head
}

fn put(head: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        head.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::HeadReader;

    fn head(text: &str, base_path: &str, host: HostHeader, asks_continue: bool) -> String {
        let request = HeadReader::default()
            .take(&mut text.as_bytes().to_vec())
            .unwrap()
            .unwrap();
        String::from_utf8_lossy(&request_head(&request, base_path, host, asks_continue))
            .into_owned()
    }

    #[test]
    fn a_request_keeps_its_headers_in_order_and_bytes_less_those_of_the_connection() {
        let sent = "PROPFIND /a?b=|c| HTTP/1.1\r\nhOst: tap:1\r\nX-A:1\r\nConnection: close, X-Secret\r\nx-secret: 2\r\nX-A:  2 \r\n\
            TE: trailers\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
        let kept = "PROPFIND /a?b=|c| HTTP/1.1\r\nhOst: tap:1\r\nX-A:1\r\nX-A:  2 \r\nContent-Length: 3\r\n";
        assert_eq!(
            head(sent, "", HostHeader::Client("ollama"), true),
            format!("{kept}Expect: 100-continue\r\n\r\n")
        );
        assert_eq!(
            head(sent, "", HostHeader::Client("ollama"), false),
            format!("{kept}\r\n")
        );
    }

    #[test]
    fn host_is_replaced_or_added_where_it_must_be() {
        let sent = "GET / HTTP/1.1\r\nHost: tap\r\nA: 1\r\n\r\n";
        assert_eq!(
            head(sent, "/base", HostHeader::Upstream("ollama:1"), false),
            "GET /base/ HTTP/1.1\r\nHost: ollama:1\r\nA: 1\r\n\r\n"
        );
        let none = "GET / HTTP/1.0\r\nA: 1\r\n\r\n";
        assert_eq!(
            head(none, "", HostHeader::Client("ollama:1"), false),
            "GET / HTTP/1.1\r\nHost: ollama:1\r\nA: 1\r\n\r\n"
        );
    }

    #[test]
    fn a_reply_keeps_its_reason_and_headers_less_those_of_the_connection() {
        let raw = b"HTTP/1.1 299 Odd Reason\r\nvary: a\r\nConnection: x-b\r\nX-B: 1\r\nVary: c\r\nTransfer-Encoding: chunked\r\n\r\n";
        let passed = |raw: &[u8], version, framing| {
            reply_head(&ReplyHead::read(raw.to_vec()).unwrap(), version, framing)
        };
        assert_eq!(
            passed(raw, "HTTP/1.0", ResponseFraming::Close),
            b"HTTP/1.0 299 Odd Reason\r\nvary: a\r\nVary: c\r\n"
        );
        let latin_value = b"HTTP/1.1 200 OK\r\nX: \xe4\r\n\r\n";
        assert_eq!(
            passed(latin_value, "HTTP/1.1", ResponseFraming::Chunked),
            b"HTTP/1.1 200 OK\r\nX: \xe4\r\n"
        );
        let bare = b"HTTP/1.1 200\nX: a\n\n";
        assert_eq!(
            passed(bare, "HTTP/1.1", ResponseFraming::Chunked),
            b"HTTP/1.1 200\r\nX: a\r\n"
        );
    }
}
