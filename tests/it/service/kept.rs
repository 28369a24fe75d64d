//! The sockets that systemd keeps over a restart, and those that it is not to keep any longer.

use std::fs;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::notify::Systemd;
use crate::harness::ollama::json;
use crate::harness::{
    Client, FakeOllama, Latch, Options, Proxy, SIGINT, SIGTERM, eventually, latched_ollama, post,
    request,
};

const KEPT: &str = "FDSTORE=1\nFDNAME=listen";
const KEPT_NO_LONGER: &str = "FDSTOREREMOVE=1\nFDNAME=listen";

fn listening(address: &str) -> TcpListener {
    TcpListener::bind(address).expect("bind")
}

fn copy(socket: &TcpListener) -> TcpListener {
    socket.try_clone().expect("a copy")
}

/// A tap that is to listen there. One that has a socket to give back listens once that was heard: it is spawned, not started.
fn proxy(ollama: &FakeOllama, listen: impl ToString) -> Options {
    Options::bare(&[
        "proxy",
        "--listen",
        &listen.to_string(),
        "--upstream",
        &ollama.url(),
    ])
}

fn address_of(socket: OwnedFd) -> SocketAddr {
    TcpListener::from(socket).local_addr().expect("its address")
}

/// Whether a socket of IPv6 has this port, and no other end.
fn is_listened_at(port: u16) -> bool {
    let sockets = fs::read_to_string("/proc/net/tcp6").expect("the sockets of Linux");
    sockets.contains(&format!(":{port:04X} {}:0000 0A ", "0".repeat(32)))
}

/// Stops it, in order.
fn stop(mut tap: Proxy) {
    tap.signal(SIGTERM);
    assert_eq!(tap.wait_exit(Duration::from_secs(3)).code(), Some(0));
}

#[test]
fn a_tap_stores_its_sockets_before_it_is_ready_and_while_it_stops() {
    let systemd = Systemd::start();
    let ollama = FakeOllama::always(json("{}"));
    let tap = systemd
        .of(proxy(&ollama, "127.0.0.1:0").args(&["--admin-listen", "127.0.0.1:0"]))
        .start();
    let (told, socket) = systemd.receives();
    assert_eq!(
        (&*told, address_of(socket.expect("a socket"))),
        (KEPT, tap.addr)
    );
    let (told, socket) = systemd.receives();
    let pages = format!("pages on http://{}", address_of(socket.expect("a socket")));
    assert_eq!(told, "FDSTORE=1\nFDNAME=admin");
    tap.wait_log(&pages);
    assert_eq!(systemd.hears(), "READY=1");
    stop(tap);
    assert_eq!(systemd.hears(), "STOPPING=1");
    systemd.hears_nothing_more();
}

#[test]
fn connections_during_a_restart_wait_for_the_next_run() {
    let systemd = Systemd::start();
    let ollama = FakeOllama::always(json("\"it\""));
    let tap = systemd.of(proxy(&ollama, "127.0.0.1:0")).start();
    let (addr, (_, socket)) = (tap.addr, systemd.receives());
    stop(tap);
    let mut waiting = Client::connect(addr);
    waiting.send(request("GET", "/api/tags", &[], ""));
    // With a token there it starts itself anew, and what was handed over goes along.
    let options = proxy(&ollama, addr).args(&["--token", "secret"]);
    let tap = systemd
        .of(options.handed("listen", socket.expect("a socket")))
        .start();
    assert_eq!(waiting.reply("GET").text(), "\"it\"");
    assert_eq!(tap.addr, addr);
    assert_eq!(
        [(); 3].map(|()| systemd.hears()),
        ["READY=1", "STOPPING=1", "READY=1"],
        "it is kept already"
    );
}

#[test]
fn a_socket_of_another_address_is_given_back_before_a_new_one_is_bound() {
    let systemd = Systemd::start();
    let ollama = FakeOllama::always(json("\"it\""));
    let socket = listening("127.0.0.1:0");
    let port = socket.local_addr().expect("addr").port();
    // All addresses of IPv4 are not to be had while one of them is taken.
    let tap = systemd
        .of(proxy(&ollama, format!("0.0.0.0:{port}")).handed("listen", copy(&socket)))
        .spawn();
    assert_eq!(systemd.hears(), KEPT_NO_LONGER);
    let (told, heard) = systemd.receives();
    assert_eq!(told, "BARRIER=1");
    drop(socket);
    // A program that another test starts at this moment has a copy, until it is another program.
    eventually("the port is free", || {
        TcpListener::bind(("0.0.0.0", port)).is_ok()
    });
    drop(heard.expect("what is closed when it was heard"));
    let (told, socket) = systemd.receives();
    assert_eq!(
        (&*told, address_of(socket.expect("a socket")).to_string()),
        (KEPT, format!("0.0.0.0:{port}"))
    );
    assert_eq!(systemd.hears(), "READY=1");
    assert_eq!(
        Client::connect(([127, 0, 0, 1], port).into())
            .send(request("GET", "/api/tags", &[], ""))
            .reply("GET")
            .text(),
        "\"it\""
    );
    drop(tap);
}

#[test]
fn one_family_alone_is_not_every_interface() {
    let systemd = Systemd::start();
    let ollama = FakeOllama::always(json("\"it\""));
    let socket =
        socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).expect("a socket");
    socket.set_only_v6(true).expect("IPv6 alone");
    // The tap listens there in the other family, too, where a port of the system's choice may be another test's.
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, crate::serve::port()));
    socket.bind(&address.into()).expect("bind");
    socket.listen(8).expect("listen");
    let addr = socket
        .local_addr()
        .expect("addr")
        .as_socket()
        .expect("of the internet");
    assert!(is_listened_at(addr.port()));
    let _tap = systemd
        .of(proxy(&ollama, addr).handed("listen", socket))
        .spawn();
    assert_eq!(systemd.hears(), KEPT_NO_LONGER);
    // Commands that other tests are starting have copies of it until they run.
    eventually("nobody listens there", || !is_listened_at(addr.port()));
    assert_eq!(
        [(); 3].map(|()| systemd.hears()),
        ["BARRIER=1", KEPT, "READY=1"]
    );
    let mut client = Client::connect(([127, 0, 0, 1], addr.port()).into());
    assert_eq!(
        client
            .send(request("GET", "/api/tags", &[], ""))
            .reply("GET")
            .text(),
        "\"it\""
    );
}

#[test]
fn sockets_are_known_by_their_addresses_and_stored_by_their_own_names() {
    let systemd = Systemd::start();
    let ollama = FakeOllama::always(json("\"it\""));
    let (public, admin) = (listening("127.0.0.1:0"), listening("127.0.0.1:0"));
    let addresses = [&public, &admin].map(|socket| socket.local_addr().expect("addr"));
    let options = proxy(&ollama, addresses[0]).args(&["--admin-listen", &addresses[1].to_string()]);
    let _tap = systemd
        .of(options
            .handed("admin", copy(&public))
            .handed("listen", copy(&admin)))
        .spawn();
    let told: Vec<String> = (0..6).map(|_| systemd.hears()).collect();
    assert_eq!(
        told,
        [
            "FDSTOREREMOVE=1\nFDNAME=admin",
            KEPT_NO_LONGER,
            "BARRIER=1",
            KEPT,
            "FDSTORE=1\nFDNAME=admin",
            "READY=1"
        ]
    );
}

#[test]
fn a_tap_that_fails_leaves_no_stored_sockets() {
    let ollama = FakeOllama::always(json("{}"));
    for (args, code) in [
        (["--workers", "0"], 2),
        (["--analytics-dir", "/dev/null/history"], 1),
    ] {
        let systemd = Systemd::start();
        let socket = listening("127.0.0.1:0");
        let options = proxy(&ollama, socket.local_addr().expect("addr")).args(&args);
        let mut tap = systemd.of(options.handed("listen", copy(&socket))).spawn();
        assert_eq!(systemd.hears(), KEPT_NO_LONGER, "{args:?}");
        assert_eq!(systemd.hears(), "BARRIER=1", "{args:?}");
        assert_eq!(
            tap.wait_exit(Duration::from_secs(3)).code(),
            Some(code),
            "{}",
            tap.log()
        );
        systemd.hears_nothing_more();
    }
}

#[test]
fn a_tap_that_is_ended_at_once_leaves_no_stored_sockets() {
    let systemd = Systemd::start();
    let ollama = latched_ollama(&Latch::default());
    let mut tap = systemd.of(proxy(&ollama, "127.0.0.1:0")).start();
    let mut client = tap.connect();
    client
        .send(post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#))
        .head("POST");
    assert_eq!([systemd.hears(), systemd.hears()], [KEPT, "READY=1"]);
    tap.signal(SIGTERM);
    assert_eq!(systemd.hears(), "STOPPING=1");
    tap.signal(SIGINT);
    assert_eq!(
        [systemd.hears(), systemd.hears()],
        [KEPT_NO_LONGER, "BARRIER=1"]
    );
    assert_eq!(tap.wait_exit(Duration::from_secs(3)).code(), Some(1));
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let ollama = FakeOllama::always(json("\"it\""));
    let socket = listening("127.0.0.1:0");
    let options = proxy(&ollama, "127.0.0.1:0").handed("listen", copy(&socket));
    let tap = options.behind(&["env", "LISTEN_PID=1"]).start();
    assert_eq!(tap.get("/api/tags").text(), "\"it\"");
}
