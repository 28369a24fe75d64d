//! Listening on every interface: one socket of both families.

/// Machines that lack IPv6, each in its way.
mod without_ipv6;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::ollama::json;
use crate::harness::{Client, FakeOllama, Options, eventually, post, request};

const ASK: &str = r#"{"model":"talk","prompt":"Why?"}"#;

fn tap(ollama: &FakeOllama, listen: &str) -> Options {
    Options::bare(&["proxy", "--listen", listen, "--upstream", &ollama.url()])
}

#[test]
fn no_host_is_every_interface_of_both_families() {
    let ollama = FakeOllama::always(json(r#"{"model":"talk","response":"Hi","done":true}"#));
    for listen in [":0", "[::]:0"] {
        let tap = tap(&ollama, listen).start();
        assert_eq!(tap.addr.ip(), Ipv6Addr::UNSPECIFIED, "shown as bound");
        for (ip, known_as) in [
            (Ipv4Addr::LOCALHOST.into(), "127.0.0.1"),
            (Ipv6Addr::LOCALHOST.into(), "::1"),
        ] {
            let ask = |bytes: &[u8], method| {
                Client::connect(SocketAddr::new(ip, tap.addr.port()))
                    .send(bytes)
                    .reply(method)
            };
            assert_eq!(ask(&post("/api/generate", ASK), "POST").status(), 200);
            let newest = || ask(&request("GET", "/analytics/search?limit=1", &[], ""), "GET");
            assert_eq!(
                newest().status(),
                200,
                "the guard knows this machine by {ip}"
            );
            eventually("its record", || {
                newest().json()[0]["metadata"]["client_ip"] == known_as
            });
        }
    }
}

#[test]
fn the_log_has_the_addresses_of_clients_in_their_own_family() {
    let ollama = FakeOllama::always(json("{}"));
    let tap = tap(&ollama, ":0").args(&["--log-level", "debug"]).start();
    let mut client = Client::connect((Ipv4Addr::LOCALHOST, tap.addr.port()).into());
    let own = client.stream().local_addr().expect("addr");
    client
        .send(request("GET", "/api/tags", &[], ""))
        .reply("GET");
    tap.wait_log(&format!("route GET of {own} "));
}

#[test]
fn every_interface_of_ipv4_stays_that() {
    let ollama = FakeOllama::always(json("{}"));
    let tap = tap(&ollama, "0.0.0.0:0").start();
    assert_eq!(tap.addr.ip(), Ipv4Addr::UNSPECIFIED);
    let there = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), tap.addr.port());
    assert!(TcpStream::connect_timeout(&there, Duration::from_secs(1)).is_err());
}
