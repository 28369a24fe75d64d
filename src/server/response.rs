//! RESPONSE: the framing of a response to a client, and the persistence of its connection. Pure.
//!
//! A *reply* comes from Ollama, a *response* goes to a client.

use crate::server::{RequestHead, Version};

/// The framing of the body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFraming {
    /// HEAD, 204, 304: the head is all.
    None,
    /// The head has the length of the body.
    Length,
    Chunked,
    /// An HTTP/1.0 client knows no chunks: the end of the connection is the end of the body.
    Close,
}

/// The fate of a connection after a response (RFC 9112 section 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    KeepAlive,
    /// It is closed, once the client has had time to read the response.
    Close,
}

/// The properties of a request that decide the form of its response.
#[derive(Clone, Copy, Debug)]
pub struct ResponseMode {
    pub head_only: bool,
    pub http10: bool,
    keeps_alive: bool,
}

impl ResponseMode {
    pub fn of(head: &RequestHead) -> ResponseMode {
        ResponseMode {
            head_only: head.is_head(),
            http10: head.version() == Version::Http10,
            keeps_alive: head.keeps_alive(),
        }
    }

    /// The mode for a request that could not be parsed.
    pub fn unknown() -> ResponseMode {
        ResponseMode {
            head_only: false,
            http10: false,
            keeps_alive: false,
        }
    }

    /// The mode for a request of which only the method is known.
    pub fn unknown_of(method: &str) -> ResponseMode {
        ResponseMode {
            head_only: method == "HEAD",
            ..ResponseMode::unknown()
        }
    }

    /// The same mode, but the connection ends with the response.
    pub fn closing(self) -> ResponseMode {
        ResponseMode {
            keeps_alive: false,
            ..self
        }
    }

    pub fn version(&self) -> &'static str {
        if self.http10 {
            Version::Http10.as_str()
        } else {
            Version::Http11.as_str()
        }
    }

    /// The framing of a response with this status. `has_length`: its head has a Content-Length.
    pub fn framing(&self, status: u16, has_length: bool) -> ResponseFraming {
        match status {
            _ if self.head_only => ResponseFraming::None,
            100..=199 | 204 | 304 => ResponseFraming::None,
            _ if has_length => ResponseFraming::Length,
            _ if self.http10 => ResponseFraming::Close,
            _ => ResponseFraming::Chunked,
        }
    }

    /// The persistence of the connection after a response with this framing.
    pub fn persistence(&self, framing: ResponseFraming) -> Persistence {
        if self.keeps_alive && framing != ResponseFraming::Close {
            Persistence::KeepAlive
        } else {
            Persistence::Close
        }
    }

    /// The hop-by-hop headers of a response with this framing.
    pub fn hop_headers(&self, framing: ResponseFraming) -> &'static str {
        let is_chunked = framing == ResponseFraming::Chunked;
        match self.persistence(framing) {
            Persistence::KeepAlive if is_chunked => "Transfer-Encoding: chunked\r\n",
            Persistence::KeepAlive if self.http10 => "Connection: keep-alive\r\n",
            Persistence::KeepAlive => "",
            Persistence::Close if is_chunked => {
                "Transfer-Encoding: chunked\r\nConnection: close\r\n"
            }
            Persistence::Close => "Connection: close\r\n",
        }
    }
}

/// Renders a whole response of ours. Returns its bytes and the persistence of the connection. `head` lacks its empty line and
/// the hop-by-hop headers.
pub fn render(
    mode: ResponseMode,
    status: u16,
    mut head: Vec<u8>,
    body: &[u8],
) -> (Vec<u8>, Persistence) {
    let framing = mode.framing(status, true);
    head.extend_from_slice(mode.hop_headers(framing).as_bytes());
    head.extend_from_slice(b"\r\n");
    if framing != ResponseFraming::None {
        head.extend_from_slice(body);
    }
    (head, mode.persistence(framing))
}

/// Begins a chunk line that no client can read as one, for a response that broke off: the client fails at once instead of waiting. The
/// reason follows, up to CR LF.
pub const ABORT_PREFIX: &str = "the answer broke off: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_follows_the_method_the_status_and_the_client() {
        let plain = ResponseMode {
            head_only: false,
            http10: false,
            keeps_alive: true,
        };
        assert_eq!(plain.framing(200, true), ResponseFraming::Length);
        assert_eq!(plain.framing(200, false), ResponseFraming::Chunked);
        assert_eq!(plain.framing(204, false), ResponseFraming::None);
        assert_eq!(plain.framing(304, true), ResponseFraming::None);
        assert_eq!(
            ResponseMode {
                head_only: true,
                ..plain
            }
            .framing(200, true),
            ResponseFraming::None
        );
        assert_eq!(
            ResponseMode {
                http10: true,
                ..plain
            }
            .framing(200, false),
            ResponseFraming::Close
        );
    }

    #[test]
    fn a_connection_is_kept_if_both_sides_know_the_end_of_the_response() {
        let plain = ResponseMode {
            head_only: false,
            http10: false,
            keeps_alive: true,
        };
        let old = ResponseMode {
            http10: true,
            ..plain
        };
        for (mode, framing, line) in [
            (plain, ResponseFraming::Length, ""),
            (
                plain,
                ResponseFraming::Chunked,
                "Transfer-Encoding: chunked\r\n",
            ),
            (
                plain.closing(),
                ResponseFraming::Chunked,
                "Transfer-Encoding: chunked\r\nConnection: close\r\n",
            ),
            (
                plain.closing(),
                ResponseFraming::None,
                "Connection: close\r\n",
            ),
            (old, ResponseFraming::Length, "Connection: keep-alive\r\n"),
            (old, ResponseFraming::Close, "Connection: close\r\n"),
        ] {
            assert_eq!(mode.hop_headers(framing), line);
        }
    }

    #[test]
    fn a_whole_answer_to_head_has_no_body() {
        let mode = ResponseMode {
            head_only: true,
            http10: false,
            keeps_alive: true,
        };
        let (bytes, persistence) = render(
            mode,
            200,
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_vec(),
            b"{}",
        );
        assert_eq!(
            (bytes.as_slice(), persistence),
            (
                &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"[..],
                Persistence::KeepAlive
            )
        );
    }
}
