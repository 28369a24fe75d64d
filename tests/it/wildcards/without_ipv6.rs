//! Every interface where IPv6 has no address, and where it is not there at all.
#![cfg(target_os = "linux")]

use std::net::Ipv4Addr;

use super::tap;
use crate::harness::ollama::json;
use crate::harness::{Client, FakeOllama, Options, request, require, require_tool, runs};

/// Runs what follows it where this machine's network is not: with IPv6 known to the kernel, and no address of it.
const ALONE: &str =
    "ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && exec \"$0\" \"$@\"";

#[test]
fn where_no_interface_has_ipv6_it_is_found_at_that_of_ipv4() {
    let is_alone = || runs("unshare", &["--net", "sh", "-c", ALONE, "true"]);
    let can_make = require_tool("ip", &["-V"])
        && require_tool("nsenter", &["-V"])
        && require("unshare, as root", is_alone());
    if !can_make {
        return;
    }
    let options = Options::bare(&["proxy"]).behind(&["unshare", "--net", "sh", "-c", ALONE]);
    let tap = options.start();
    assert_eq!(tap.addr.to_string(), "[::]:8000", "the default of proxy");
    let (code, stdout, stderr) = Options::bare(&["health", "--listen", "[::]:8000"])
        .behind(&["nsenter", "--net", "--target", &tap.id().to_string()])
        .run();
    assert_eq!(
        (code, &*stdout),
        (0, "a tap answers at http://127.0.0.1:8000\n"),
        "{stderr}"
    );
}

/// Runs its arguments in a process to which sockets of IPv6 are refused, as `RestrictAddressFamilies=AF_INET` does it.
const WITHOUT_IPV6: &str = r#"
import ctypes, errno, os, platform, struct, sys
call = {"x86_64": 41, "aarch64": 198}[platform.machine()]  # socket(2)
load, equal, ret = 0x20, 0x15, 0x06
rules = [(load, 0, 0, 0), (equal, 0, 3, call), (load, 0, 0, 16), (equal, 0, 1, 10), (ret, 0, 0, 0x50000 | errno.EAFNOSUPPORT), (ret, 0, 0, 0x7fff0000)]
rules = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 6, ctypes.addressof(rules)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[1], sys.argv[1:])
"#;

#[test]
fn where_there_is_no_ipv6_at_all_every_interface_is_that_of_ipv4() {
    let can_filter = || {
        let filters = runs("python3", &["-c", WITHOUT_IPV6, "true"]);
        require("the right to filter system calls", filters)
    };
    if !require_tool("python3", &["--version"]) || !can_filter() {
        return;
    }
    let ollama = FakeOllama::always(json("\"it\""));
    let tap = tap(&ollama, ":0")
        .behind(&["python3", "-c", WITHOUT_IPV6])
        .start();
    assert_eq!(tap.addr.ip(), Ipv4Addr::UNSPECIFIED, "shown as bound");
    assert_eq!(
        Client::connect((Ipv4Addr::LOCALHOST, tap.addr.port()).into())
            .send(request("GET", "/api/tags", &[], ""))
            .reply("GET")
            .text(),
        "\"it\""
    );
}
