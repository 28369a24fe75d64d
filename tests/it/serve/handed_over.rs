//! Sockets that systemd kept, and those whom `serve` starts.
#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

use super::{Machine, port, ready};

#[test]
fn its_children_get_neither_the_stored_sockets_nor_their_variables() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let socket = TcpListener::bind("127.0.0.1:0").expect("bind");
    let addr = socket.local_addr().expect("addr");
    let number = |socket: &TcpListener| {
        std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd()))
            .expect("its facts")
            .ino()
    };
    let link = format!("socket:[{}]", number(&socket));
    let options = machine.tap(&[
        "serve",
        "--listen",
        &addr.to_string(),
        "--backend-port",
        &port().to_string(),
    ]);
    let tap = options.handed("listen", socket).start();
    ready(&tap);
    let environment = machine.environment();
    let names: Vec<&String> = environment.as_object().expect("variables").keys().collect();
    assert!(
        !names.iter().any(|name| name.starts_with("LISTEN_")),
        "{names:?}"
    );
    let has_it = |id: u32| {
        let open = std::fs::read_dir(format!("/proc/{id}/fd"))
            .expect("what it has open")
            .flatten();
        open.filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .any(|to| to.as_os_str() == &*link)
    };
    let run = machine.run(1);
    assert_eq!(
        [tap.id(), run.guard, run.ollama].map(has_it),
        [true, false, false]
    );
}
