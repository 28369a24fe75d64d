//! HEADERS: the heads of requests and replies as they are passed on. Pure.

use crate::server::response::ResponseFraming;
use crate::server::{ReplyFraming, ReplyHead, RequestHead};

/// Makes the head of a request as it goes to Ollama: the request line and the headers in their order and bytes, without the
/// hop-by-hop ones. `host` is the `Host` header if the client sent none, or must be replaced. `Expect` passes only if `asks_continue`.
pub fn request_head(
    request: &RequestHead,
    base_path: &str,
    host: HostHeader,
    asks_continue: bool,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(request.raw().len() + 64);
    let target = request.target();
    let prefix = if target.starts_with(b"/") {
        base_path
    } else {
        ""
    };
    put(
        &mut head,
        &[
            request.method().as_bytes(),
            b" ",
            prefix.as_bytes(),
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

/// The value of `Host` that Ollama gets.
#[derive(Clone, Copy)]
pub enum HostHeader<'a> {
    /// The one of the client; the given one if it sent none.
    Client(&'a str),
    /// Always the given one, which is that of Ollama.
    Upstream(&'a str),
}

/// Makes the head of a reply as it goes to the client, without its empty line: status and reason as they came, the
/// headers in their order and spelling, without the hop-by-hop ones.
pub fn reply_head(reply: &ReplyHead, version: &str, framing: ResponseFraming) -> Vec<u8> {
    // A length beside chunks would contradict them, and one beside 204 is not allowed (RFC 9110 section 8.6).
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
    fn a_request_keeps_its_headers_in_order_and_bytes_but_for_hop_by_hop_ones() {
        let request = "PROPFIND /a?b=|c| HTTP/1.1\r\nhOst: tap:1\r\nX-A:1\r\nConnection: close, X-Secret\r\nx-secret: 2\r\nX-A:  2 \r\n\
            TE: trailers\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
        let forwarded = "PROPFIND /a?b=|c| HTTP/1.1\r\nhOst: tap:1\r\nX-A:1\r\nX-A:  2 \r\nContent-Length: 3\r\n";
        assert_eq!(
            head(request, "", HostHeader::Client("ollama"), true),
            format!("{forwarded}Expect: 100-continue\r\n\r\n")
        );
        assert_eq!(
            head(request, "", HostHeader::Client("ollama"), false),
            format!("{forwarded}\r\n")
        );
    }

    #[test]
    fn host_is_replaced_or_added_where_it_must_be() {
        let request = "GET / HTTP/1.1\r\nHost: tap\r\nA: 1\r\n\r\n";
        assert_eq!(
            head(request, "/base", HostHeader::Upstream("ollama:1"), false),
            "GET /base/ HTTP/1.1\r\nHost: ollama:1\r\nA: 1\r\n\r\n"
        );
        let none = "GET / HTTP/1.0\r\nA: 1\r\n\r\n";
        assert_eq!(
            head(none, "", HostHeader::Client("ollama:1"), false),
            "GET / HTTP/1.1\r\nHost: ollama:1\r\nA: 1\r\n\r\n"
        );
    }

    #[test]
    fn a_reply_keeps_its_reason_and_headers_but_for_hop_by_hop_ones() {
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
