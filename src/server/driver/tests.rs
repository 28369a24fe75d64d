//! The states of a connection, over sockets of this machine.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;

use super::*;
use crate::http::route::Page;
use crate::metrics::Metrics;
use crate::server::context::{ListenerRole, ServerLimits};
use crate::util::budget::Budget;
use crate::util::threads::lock;

/// Answers refusals by their status, pages by their name, and notes the clients that left.
#[derive(Default)]
struct TestService {
    left_clients: Mutex<Vec<String>>,
}

impl Service for TestService {
    fn refusal_response(&self, refused: &RefusedRequest) -> (Vec<u8>, Persistence) {
        let status = refused.refusal.status;
        (format!("refused {status}").into_bytes(), Persistence::Close)
    }

    fn client_left(&self, _: SocketAddr, head: RequestHead, _: Route, _: RequestArrival) {
        lock(&self.left_clients).push(head.target_text().into_owned());
    }

    fn immediate_response(&self, request: &Request) -> Option<(Vec<u8>, Persistence)> {
        match request.route {
            Route::Own(Page::Healthz) => Some((b"healthy".to_vec(), Persistence::KeepAlive)),
            Route::Own(_) | Route::Forward(_) => None,
        }
    }

    fn queue_page(&self, request: Box<Request>) -> Option<Box<Request>> {
        Some(request) // there is never room
    }
}

/// A server without an event loop, and one client of it.
struct TestServer {
    context: Arc<Context>,
    service: TestService,
    client: TcpStream,
}

impl TestServer {
    fn new() -> (TestServer, Connection) {
        let limits = ServerLimits {
            descriptors: 1000,
            memory: None,
            budget: Budget::of(None),
            workers: 2,
            waiting: 8,
            idle_timeout: Some(Duration::from_secs(60)),
        };
        let metrics = Arc::new(Metrics::new("0").unwrap());
        let context = Arc::new(Context::new(limits, false, metrics).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        let permit = context.acquire_permit().unwrap();
        let conn = Connection::new(stream, peer, ListenerRole::Public, permit, &context).unwrap();
        let server = TestServer {
            context,
            service: TestService::default(),
            client,
        };
        (server, conn)
    }

    /// Sends `bytes`, and has the connection read once.
    fn send(&mut self, conn: Connection, bytes: &[u8]) -> Option<Box<Request>> {
        self.client.write_all(bytes).unwrap();
        assert!(conn.wait_for_input(Duration::from_secs(10)));
        self.read(conn, RequestReader::default())
    }

    fn read(&self, conn: Connection, reader: RequestReader) -> Option<Box<Request>> {
        read(&self.context, &self.service, conn, reader, &mut [0; 4096])
    }

    /// The one connection in the reactor.
    fn parked(&self) -> Option<ConnectionState> {
        self.context.reactor.take_lowest(|_| Some(0))
    }

    fn response(&mut self, length: usize) -> String {
        let mut response = vec![0; length];
        self.client.read_exact(&mut response).unwrap();
        String::from_utf8(response).unwrap()
    }
}

#[test]
fn a_whole_request_goes_to_a_worker() {
    let (mut server, conn) = TestServer::new();
    let bytes = b"POST /api/generate HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET";
    let request = server.send(conn, bytes).expect("a request");
    assert_eq!(request.kind(), JobKind::Buffered);
    assert_eq!(request.body.buffered.bytes(), b"{}");
    assert_eq!(request.conn.read_buffer, b"GET", "the next request stays");
    assert!(server.parked().is_none());
}

#[test]
fn a_part_of_a_request_waits_in_the_reactor_for_the_rest() {
    let (mut server, conn) = TestServer::new();
    assert!(server.send(conn, b"GET /api/tags HTTP/1.1\r\nHo").is_none());
    let Some(ConnectionState::Reading(conn, reader)) = server.parked() else {
        panic!("it is not reading");
    };
    assert!(reader.has_begun() && reader.head_since().is_some() && reader.deadline().is_some());
    server.client.write_all(b"st: a\r\n\r\n").unwrap();
    assert!(conn.wait_for_input(Duration::from_secs(10)));
    let request = server.read(conn, reader).expect("a request");
    assert_eq!(request.head.target(), b"/api/tags");
}

#[test]
fn a_body_that_is_not_to_be_buffered_goes_to_a_worker_as_an_upload() {
    let (mut server, conn) = TestServer::new();
    let bytes = b"POST /api/blobs/sha256:a HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\nxyz";
    let request = server.send(conn, bytes).expect("a request");
    assert_eq!(request.kind(), JobKind::Upload);
    assert!(request.body.buffered.bytes().is_empty() && !request.body.is_complete());
    assert_eq!(request.conn.read_buffer, b"xyz");
}

#[test]
fn a_refused_request_is_answered_and_its_connection_closes_once_that_was_read() {
    let (mut server, conn) = TestServer::new();
    assert!(
        server
            .send(conn, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n")
            .is_none()
    );
    assert_eq!(server.response(11), "refused 505");
    let Some(ConnectionState::Closing(conn, deadline)) = server.parked() else {
        panic!("it is not closing");
    };
    assert_eq!(
        server.client.read(&mut [0; 1]).unwrap(),
        0,
        "nothing follows"
    );
    server.client.write_all(b"more that is discarded").unwrap();
    assert!(conn.wait_for_input(Duration::from_secs(10)));
    drain_input(conn, deadline, &mut [0; 64]);
    assert!(matches!(
        server.parked(),
        Some(ConnectionState::Closing(..))
    ));
}

#[test]
fn an_immediate_page_is_answered_and_its_connection_is_idle() {
    let (mut server, conn) = TestServer::new();
    assert!(
        server
            .send(conn, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            .is_none()
    );
    assert_eq!(server.response(7), "healthy");
    let Some(ConnectionState::Idle(conn)) = server.parked() else {
        panic!("it is not idle");
    };
    assert!(conn.was_used && conn.read_buffer.is_empty());
}

#[test]
fn a_connection_whose_next_request_has_come_is_ready_at_once() {
    let (mut server, conn) = TestServer::new();
    let two = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    assert!(server.send(conn, two).is_none());
    assert!(server.parked().is_none(), "no event would tell of it");
    let mut ready = server.context.reactor.take_ready();
    let conn = ready.pop().expect("a connection");
    assert!(
        advance(
            &server.context,
            &server.service,
            conn,
            RequestReader::default()
        )
        .is_none()
    );
    assert_eq!(server.response(14), "healthyhealthy");
}

#[test]
fn a_page_without_room_is_refused() {
    let (mut server, conn) = TestServer::new();
    assert!(
        server
            .send(conn, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            .is_none()
    );
    assert_eq!(server.response(11), "refused 503");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_body_is_noted_and_one_that_sent_nothing_is_not() {
    let (mut server, conn) = TestServer::new();
    let bytes = b"POST /api/chat HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{";
    assert!(server.send(conn, bytes).is_none());
    let Some(ConnectionState::Reading(conn, reader)) = server.parked() else {
        panic!("it is not reading");
    };
    server.client.shutdown(Shutdown::Both).unwrap();
    assert!(conn.wait_for_input(Duration::from_secs(10)));
    assert!(server.read(conn, reader).is_none() && server.parked().is_none());
    assert_eq!(*lock(&server.service.left_clients), ["/api/chat"]);

    let (server, conn) = TestServer::new();
    server.client.shutdown(Shutdown::Both).unwrap();
    assert!(conn.wait_for_input(Duration::from_secs(10)));
    assert!(server.read(conn, RequestReader::default()).is_none());
    assert!(lock(&server.service.left_clients).is_empty() && server.parked().is_none());
}

#[test]
fn a_head_or_a_body_that_comes_too_slowly_is_refused() {
    let (mut server, conn) = TestServer::new();
    assert!(server.send(conn, b"GET / HTTP/1.1\r\n").is_none());
    let Some(ConnectionState::Reading(conn, mut reader)) = server.parked() else {
        panic!("it is not reading");
    };
    let Break(outcome) = reader.expire(conn, Instant::now()) else {
        panic!("it may go on");
    };
    assert!(handle_outcome(&server.service, outcome).is_none());
    assert_eq!(server.response(11), "refused 408");
}
