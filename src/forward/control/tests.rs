//! The ends of a wait for Ollama, over real sockets of this machine.

use std::io::Read;
use std::net::{Shutdown, TcpListener};
use std::thread;

use polling::Poller;

use super::*;
use crate::forward::upstream::{ReplyBody, UpstreamConnection};
use crate::http::address::Upstream;
use crate::http::agent::Target;
use crate::server::RequestFraming;
use crate::util::budget::{Budget, Buffer};

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    (near, far)
}

fn watched(stream: TcpStream) -> Arc<WatchedStream> {
    Arc::new(WatchedStream::new(stream, &Arc::new(Poller::new().unwrap())).unwrap())
}

#[test]
fn a_wait_ends_with_the_awaited_event() {
    let control = ConnectionControl::new(false);
    let (near, mut far) = pair();
    far.write_all(b"x").unwrap();
    assert!(control.wait(&near, Interest::READ, None).unwrap().readable);
    assert!(control.wait(&near, Interest::WRITE, None).unwrap().writable);
}

#[test]
fn a_wait_ends_when_its_time_is_over() {
    let control = ConnectionControl::new(false);
    let (near, _far) = pair();
    let error = control
        .wait(&near, Interest::READ, Some(Duration::from_millis(1)))
        .unwrap_err();
    assert_eq!(
        (error.kind(), control.cancelled()),
        (ErrorKind::TimedOut, None)
    );
}

#[test]
fn a_wait_ends_when_the_client_has_left_and_with_it_the_request() {
    let control = ConnectionControl::new(false);
    let ((near, _far), (of_client, client)) = (pair(), pair());
    let socket = watched(of_client);
    let exchange = control.begin(1, &socket, false);
    assert!(control.is_busy());
    socket2::SockRef::from(&client)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client); // by a reset
    let error = control.wait(&near, Interest::READ, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    assert_eq!(control.cancelled(), Some(CancelReason::ClientGone));
    drop(exchange);
    assert!(!control.is_busy());
    let (next, _client) = pair();
    let _exchange = control.begin(1, &watched(next), false);
    assert_eq!(
        control.cancelled(),
        None,
        "the next exchange is another one"
    );
}

#[test]
fn a_client_that_sends_no_more_is_gone_when_nothing_was_sent_to_it_for_a_while() {
    let control = ConnectionControl::new(false);
    let ((near, _far), (of_client, client)) = (pair(), pair());
    let socket = watched(of_client);
    let _exchange = control.begin(1, &socket, false);
    client.shutdown(Shutdown::Write).unwrap();
    let began = Instant::now();
    assert!(control.wait(&near, Interest::READ, None).is_err());
    assert!(began.elapsed() >= crate::server::HALF_CLOSE_TIMEOUT);
    assert_eq!(control.cancelled(), Some(CancelReason::ClientGone));
}

#[test]
fn whoever_cancels_ends_a_wait_for_a_reply_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::new(Upstream::from(listener.local_addr().unwrap()));
    let upstream = UpstreamConnection::new(&target, &Budget::of(None));
    let control = upstream.control.clone();
    let head = b"GET / HTTP/1.1\r\n\r\n";
    let body = Buffer::new(&Budget::of(None));
    control.set_request(OutgoingRequest::whole(
        head.to_vec(),
        body,
        RequestFraming::Empty,
    ));
    let waiting = thread::spawn(move || upstream.send_whole(ReplyBody::AsFramed).is_err());
    let (mut far, _) = listener.accept().unwrap();
    far.read_exact(&mut [0; 18]).unwrap();
    assert!(control.stream().is_some());
    control.cancel(CancelReason::Shutdown);
    assert!(waiting.join().unwrap(), "the request ends");
    assert_eq!(control.cancelled(), Some(CancelReason::Shutdown));
    assert_eq!(far.read(&mut [0; 1]).unwrap_or(0), 0, "and its connection");
}

#[test]
fn an_early_reply_is_seen_where_it_is_one() {
    let control = ConnectionControl::new(false);
    let (near, mut far) = pair();
    assert!(!control.check_early_reply(&near));
    far.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").unwrap();
    control.wait(&near, Interest::READ, None).unwrap();
    assert!(
        !control.check_early_reply(&near),
        "an interim reply is not the reply"
    );

    let (near, mut far) = pair();
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    control.wait(&near, Interest::READ, None).unwrap();
    let under_tls = ConnectionControl::new(true);
    assert!(
        !under_tls.check_early_reply(&near),
        "under TLS nobody can tell"
    );
    assert!(control.check_early_reply(&near) && control.is_answered());
    assert!(control.ends_cleanly());
}

#[test]
fn only_the_exchange_with_this_number_is_cancelled_while_it_is_in_flight() {
    let control = ConnectionControl::new(false);
    let ((near, mut far), (of_client, _client)) = (pair(), pair());
    let near = Arc::new(near);
    assert!(control.connected(&near));
    assert!(!control.cancel_exchange(1), "it has not begun");
    let socket = watched(of_client);
    let exchange = control.begin(1, &socket, false);
    assert!(!control.cancel_exchange(2));
    assert_eq!(control.cancelled(), None);
    assert!(control.cancel_exchange(1) && control.cancel_exchange(1));
    assert_eq!(control.cancelled(), Some(CancelReason::Requested));
    assert_eq!(far.read(&mut [0; 1]).unwrap(), 0, "Ollama is left");
    drop(exchange);
    assert!(!control.cancel_exchange(1), "it has ended");
    let _next = control.begin(2, &socket, false);
    assert_eq!(control.cancelled(), None, "the next one is another");
}

#[test]
fn a_client_that_has_left_was_not_cancelled_by_who_asks_for_it_later() {
    let control = ConnectionControl::new(false);
    let (of_client, _client) = pair();
    let _exchange = control.begin(1, &watched(of_client), false);
    control.cancel(CancelReason::ClientGone);
    assert!(!control.cancel_exchange(1));
}

#[test]
fn a_client_that_takes_nothing_is_let_go_and_one_that_reads_is_not() {
    for is_full in [true, false] {
        let control = ConnectionControl::new(false);
        let (of_client, mut client) = pair();
        while is_full && (&of_client).write(&[0; 1 << 16]).is_ok() {}
        let socket = watched(of_client);
        let _exchange = control.begin(1, &socket, false);
        assert!(control.cancel_exchange(1));
        let can_write = (&**socket).write(b"x").is_ok();
        assert_eq!(can_write, !is_full);
        let ended = thread::spawn(move || client.read_to_end(&mut Vec::new()).is_ok());
        if !is_full {
            socket.shutdown(Shutdown::Write).unwrap();
        }
        assert!(ended.join().unwrap(), "the client sees an end");
    }
}
