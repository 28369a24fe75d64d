//! Connections to compare: recorded ones, written ones for each rule, and these put together and spoilt at random.

use std::fs;
use std::path::Path;

use fastrand::Rng;

/// Request lines, each sent with a Host.
const LINES: [&str; 46] = [
    "GET / HTTP/1.1",
    "get /api/tags HTTP/1.1",
    "HEAD / HTTP/1.1",
    "M-SEARCH * HTTP/1.1",
    "OPTIONS * HTTP/1.0",
    "GET / HTTP/1.0",
    "GET / HTTP/1.9",
    "GET / HTTP/0.9",
    "GET / HTTP/2.0",
    "PRI * HTTP/2.0",
    "GET / HTTP/1.10",
    "GET / HTTP/1",
    "GET / HTTP/1.1 ",
    "GET /",
    "GET  / HTTP/1.1",
    " GET / HTTP/1.1",
    "G(T / HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET /a\tb HTTP/1.1",
    "GET /модель?ö HTTP/1.1",
    "GET /%41%zz HTTP/1.1",
    "GET /a?%zz&% HTTP/1.1",
    "GET /a%2 HTTP/1.1",
    "GET a HTTP/1.1",
    "GET ?a HTTP/1.1",
    "GET //a/b HTTP/1.1",
    "GET /#a HTTP/1.1",
    "GET :a HTTP/1.1",
    "GET 1a:b HTTP/1.1",
    "GET mailto:a%zz HTTP/1.1",
    "GET http:/a HTTP/1.1",
    "GET http:///a HTTP/1.1",
    "GET http://b:80/a?c HTTP/1.1",
    "GET http://b:80?c/d HTTP/1.1",
    "GET HTTP://u:p@b/a HTTP/1.1",
    "GET http://u%@b/a HTTP/1.1",
    "GET http://u^@b/a HTTP/1.1",
    "GET http://b:c/a HTTP/1.1",
    "GET http://b:1:2/a HTTP/1.1",
    "GET x://b:1:2/a HTTP/1.1",
    "GET http://b%41/a HTTP/1.1",
    "GET http://ö|/a HTTP/1.1",
    "GET http://[::1]:80/a HTTP/1.1",
    "GET http://[::1/a HTTP/1.1",
    "CONNECT b:80 HTTP/1.1",
    "CONNECT /b HTTP/1.1",
];

/// Header lines, each sent with a request that has a Host and no body.
const HEADERS: [&str; 45] = [
    "X: a",
    "X:a\t ",
    "X:",
    "x: Fábián 李",
    "X : a",
    "X\t: a",
    "X",
    ": a",
    "X(: a",
    "Ü: a",
    "X: \0",
    "X: \x7f",
    " X: a",
    "X: a\r\n b",
    "X: a\r\n\t",
    "X: a\n",
    "X: a\rb",
    "Host: b",
    "Host: a",
    "Connection: close",
    "Connection: x, CLOSE ,y",
    "Connection: closed",
    "Connection: keep-alive\r\nConnection: close",
    "Connection: x\r\nConnection: keep-alive",
    "Connection: x\r\nConnection: close y",
    "Connection: x keep-alive",
    "Connection: upgrade\r\nUpgrade: h2c",
    "Expect: 100-continue",
    "Expect: miracles",
    "Expect: x\t100-Continue",
    "Expect:",
    "Expect: 100-continue\r\nExpect: x",
    "Trailer: Content-Length",
    "Content-Length: 0",
    "Content-Length:",
    "Content-Length: +0",
    "Content-Length: -0",
    "Content-Length: 0, 0",
    "Content-Length: 0\r\nContent-Length: 0",
    "Content-Length: 0\r\nContent-Length: 1",
    "Content-Length: 9223372036854775807",
    "Content-Length: 9223372036854775808",
    "Content-Length: 0\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
];

/// Bodies in chunks.
const CHUNKS: [&str; 35] = [
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "a\r\n0123456789\r\n00\r\n\r\n",
    "005;x=\"y\"\r\nhello\r\n0;z\r\n\r\n",
    "5 \t\r\nhello\r\n0\r\n\r\n",
    "5 ;x\r\nhello\r\n0\r\n\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "g\r\n",
    "\r\n",
    ";x\r\n",
    "0000000000000005\r\nhello\r\n0\r\n\r\n",
    "00000000000000005\r\nhello\r\n0\r\n\r\n",
    "ffffffffffffffff\r\nhello",
    "ffffffff9fffffff\r\nhello",
    "4000000000000000\r\nhello",
    "3fffffffffffffff\r\nhello",
    "5\nhello\r\n0\r\n\r\n",
    "5\r\r\nhello\r\n0\r\n\r\n",
    "5;\rx\r\nhello\r\n0\r\n\r\n",
    "5;\0\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello!\r\n0\r\n\r\n",
    "5\r\nhell",
    "0\r\nX: y\r\nz:\r\n\r\n",
    "0\r\nContent-Length: 5\r\n\r\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\nX\t: y\r\n\r\n",
    "0\r\nX: y\r\n z\r\n\r\n",
    "0\r\nX: y\r\n\tz\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    "0\r\nX: y\n\r\n\r\n",
    "0\r\nX: \0\r\n\r\n",
    "0\r\nX\r\n\r\n",
];

/// Whole connections.
const CONNECTIONS: [&str; 10] = [
    "",
    "GET",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\n\r\n",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\n\r\n\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\x16\x03\x01\x02",
];

/// Bytes that are inserted to spoil a request.
const BYTES: &[u8] = b"\r\n\r\n\r\n \t:;,/%@[]?09afAF\0\x7f\x80\xff";

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// The recorded connections, and the written ones.
pub fn written() -> Vec<Vec<u8>> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    let files = fs::read_dir(cases)
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path());
    let recorded =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "req"));
    let mut all: Vec<Vec<u8>> = recorded
        .map(|path| fs::read(path).expect("a case"))
        .collect();
    all.extend(
        LINES
            .iter()
            .map(|line| format!("{line}\r\nHost: a\r\n\r\n").into_bytes()),
    );
    all.extend(
        HEADERS
            .iter()
            .map(|header| format!("GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n").into_bytes()),
    );
    all.extend(
        HEADERS
            .iter()
            .map(|header| format!("POST / HTTP/1.0\r\n{header}\r\n\r\n").into_bytes()),
    );
    all.extend(
        HEADERS
            .iter()
            .map(|header| with_body(&format!("{header}\r\nContent-Length: 5\r\n"), b"hello")),
    );
    all.extend(HEADERS.iter().map(|header| {
        with_body(
            &format!("{header}\r\nTransfer-Encoding: Chunked\r\n"),
            b"0\r\n\r\n",
        )
    }));
    all.extend(
        CHUNKS
            .iter()
            .map(|chunks| with_body(CHUNKED, chunks.as_bytes())),
    );
    all.extend(CONNECTIONS.iter().map(|bytes| bytes.as_bytes().to_vec()));
    all
}

/// A request with a body, and another one behind it.
fn with_body(lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    [head.as_bytes(), body, b"GET /b HTTP/1.1\r\nHost: b\r\n\r\n"].concat()
}

/// Bodies in chunks on either side of each bound, whole and cut off.
pub fn at_bounds() -> Vec<Vec<u8>> {
    let x = |count: usize| "x".repeat(count);
    let lines =
        [4092, 4093, 4094].map(|length| format!("5;{}\r\nhello\r\n0\r\n\r\n", x(length - 2)));
    let lasts = [4093, 4094, 4095].map(|length| format!("0;{}\r\n\r\n", x(length - 2)));
    let trailers = [4095, 4096, 4097].map(|length| format!("0\r\nX: {}\r\n\r\n", x(length - 7)));
    let overhead = [16, 17, 18].map(|chunks| {
        format!(
            "{}0\r\n\r\n",
            format!("1;{}\r\nd\r\n", x(996)).repeat(chunks)
        )
    });
    let bodies = [lines, lasts, trailers, overhead].concat();
    let whole = bodies
        .iter()
        .map(|body| with_body(CHUNKED, body.as_bytes()));
    let cut = bodies
        .iter()
        .flat_map(|body| (4090..4102).filter_map(|at| body.get(..at)))
        .map(|body| {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{CHUNKED}\r\n");
            [head, body.to_owned()].concat().into_bytes()
        });
    whole.chain(cut).collect()
}

/// One or two of `good`, one after the other, with up to four small faults.
pub fn spoilt(good: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut bytes = good[random.usize(..good.len())].clone();
    if random.bool() {
        bytes.extend_from_slice(&good[random.usize(..good.len())]);
    }
    for _ in 0..random.usize(0..=4) {
        spoil(&mut bytes, random);
    }
    bytes
}

fn spoil(bytes: &mut Vec<u8>, random: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = random.usize(..bytes.len());
    let byte = BYTES[random.usize(..BYTES.len())];
    match random.u8(..5) {
        0 => bytes[at] = byte,
        1 => bytes.insert(at, byte),
        2 => drop(bytes.remove(at)),
        3 => bytes.truncate(at),
        _ => {
            let piece = bytes[at..(at + random.usize(1..40)).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}
