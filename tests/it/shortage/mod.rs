//! Shortages: no descriptors, no threads, no memory for one more. What finds no room is refused, and all is whole again afterwards.
#![cfg(target_os = "linux")]

/// A control group that bounds a tap.
mod cgroup;
/// Little memory.
mod memory;

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use self::cgroup::Cgroup;
use crate::harness::ollama::json;
use crate::harness::slow_readers;
use crate::harness::{
    Client, FakeOllama, Latch, Options, Proxy, TIMEOUT, eventually, latched_ollama, metric, post,
    proc, request, tap_answering,
};

/// What it holds (bytes).
fn memory(tap: &Proxy) -> u64 {
    proc::status(tap.id(), "VmRSS:") << 10
}

fn threads(tap: &Proxy) -> u64 {
    proc::status(tap.id(), "Threads:")
}

#[test]
fn idle_connections_cost_neither_threads_nor_much_memory() {
    const COUNT: usize = 800;
    let (_ollama, tap) = tap_answering(json("{}"));
    tap.wait_log("dashboard http://"); // which is said once every thread runs
    let (before, running) = (memory(&tap), threads(&tap));
    let mut idle: Vec<Client> = (0..COUNT).map(|_| tap.connect()).collect();
    for client in &mut idle {
        client
            .send(request("GET", "/healthz", &[], ""))
            .reply("GET");
    }
    assert!(threads(&tap) <= running, "threads for idle connections");
    let each = memory(&tap).saturating_sub(before) / COUNT as u64;
    assert!(each < 4096, "{each} bytes for each idle connection");
    assert_eq!(
        idle[0]
            .send(request("GET", "/api/version", &[], ""))
            .reply("GET")
            .status(),
        200
    );
}

#[test]
fn at_the_connection_limit_silent_connections_make_room() {
    let ollama = FakeOllama::always(json("{}"));
    let mut tap = Options::to(&ollama).ulimit("-n 64").start();
    let silent: Vec<TcpStream> = (0..60)
        .filter_map(|_| TcpStream::connect_timeout(&tap.addr, Duration::from_secs(1)).ok())
        .collect();
    for n in 0..100 {
        let mut client = tap.connect();
        assert_eq!(
            client
                .send(request("GET", "/api/version", &[], ""))
                .reply("GET")
                .status(),
            200,
            "request {n} beside silent ones"
        );
    }
    let is_closed = |mut stream: &TcpStream| {
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .expect("set_read_timeout");
        stream.read(&mut [0]).is_ok()
    };
    assert!(
        is_closed(&silent[0]),
        "the oldest of the silent ones is still here"
    );
    drop(silent);
    assert_eq!(tap.get("/api/version").status(), 200);
    assert!(tap.is_running());
}

#[test]
fn at_the_connection_limit_a_slow_head_is_dropped_with_408() {
    let ollama = FakeOllama::always(json("{}"));
    let tap = Options::to(&ollama).ulimit("-n 64").start();
    let mut slow: Vec<Client> = (0..60).map(|_| tap.connect()).collect();
    for client in &mut slow {
        client.send("GET /api/version HTTP/1.1\r\nX: ");
    }
    // So long a head may take its time, whoever waits.
    std::thread::sleep(Duration::from_millis(5_500));
    for n in 0..10 {
        let mut client = tap.connect();
        assert_eq!(
            client
                .send(request("GET", "/api/version", &[], ""))
                .reply("GET")
                .status(),
            200,
            "request {n} beside slow heads"
        );
    }
    let is_told = |client: &Client| {
        let mut reply = [0; 16];
        client
            .stream()
            .set_read_timeout(Some(Duration::from_millis(1)))
            .expect("set_read_timeout");
        client.stream().read(&mut reply).is_ok() && reply.starts_with(b"HTTP/1.1 408 ")
    };
    let told = slow.iter().filter(|client| is_told(client)).count();
    assert!((1..=10).contains(&told), "{told} were told to go for ten");
}

#[test]
fn at_the_connection_limit_refused_connections_are_dropped_first() {
    let ollama = FakeOllama::always(json("{}"));
    let tap = Options::to(&ollama).ulimit("-n 64").start();
    let mut refused = Vec::new();
    for n in 0..200 {
        let mut client = tap.connect();
        client.send("GET / HTTP/2.0\r\nHost: h\r\n\r\n");
        refused.push(client);
        if n % 10 == 9 {
            assert_eq!(
                tap.get("/api/version").status(),
                200,
                "a request after {n} that are refused"
            );
        }
    }
}

#[test]
fn at_the_connection_limit_slow_readers_are_dropped() {
    let latch = Latch::default();
    let ollama = latched_ollama(&latch);
    // 24 places: so many below the bound that connections are still kept, and two that somebody works on.
    let tap = Options::to(&ollama).ulimit("-n 64").start();
    let _rude = slow_readers::clients(&tap, 22);
    let mut busy = [tap.connect(), tap.connect()];
    for client in &mut busy {
        drop(
            client
                .send(post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#))
                .head("POST"),
        )
    }
    // So long a client may rest, whoever waits.
    std::thread::sleep(Duration::from_millis(10_500));
    for n in 0..10 {
        assert_eq!(
            tap.get("/healthz").status(),
            200,
            "request {n} beside answers that nobody takes"
        );
    }
    let slow = metric("ollama_tap_refused_total").label("reason", "slow_reader");
    tap.scrape_until("slow readers", |scrape| slow.sum(scrape) >= 1.0);
    latch.release();
}

#[test]
fn refusals_leave_no_descriptor_behind() {
    let (_ollama, tap) = tap_answering(json("{}"));
    tap.get("/healthz");
    let before = proc::descriptors(tap.id());
    for _ in 0..40 {
        let mut client = tap.connect();
        assert_eq!(
            client
                .send("GET / HTTP/2.0\r\nHost: h\r\n\r\n")
                .reply("GET")
                .status(),
            505
        );
        assert!(client.is_closed_within(TIMEOUT));
    }
    eventually("their descriptors are free", || {
        proc::descriptors(tap.id()) < before + 20
    });
}

#[test]
fn where_threads_are_few_fewer_workers_run_and_the_rest_come_with_the_room() {
    let Some(cgroup) = Cgroup::new("pids", "pids.max", 60) else {
        return;
    };
    let ollama = FakeOllama::always(json("{}"));
    let words = cgroup.words();
    let tap = Options::to(&ollama)
        .behind(&words.each_ref().map(String::as_str))
        .env("OLLAMA_TAP_TEST_POLL_MS", "50")
        .start();
    for _ in 0..100 {
        assert_eq!(tap.get("/api/version").status(), 200);
    }
    let threads = metric("ollama_tap_refused_total").label("reason", "threads");
    let scrape = tap.scrape_until("that threads were refused", |scrape| {
        threads.sum(scrape) > 0.0
    });
    let workers = metric("ollama_tap_workers").sum(&scrape);
    assert!((1.0..60.0).contains(&workers), "{workers} workers");
    assert!(tap.wait_log("workers run instead of 256").contains("WARN"));
    cgroup.set("pids.max", "max");
    tap.scrape_until("every worker", |scrape| {
        metric("ollama_tap_workers").value(256.0).is_in(scrape)
    });
    tap.wait_log("all 256 workers run");
    drop(tap);
}
