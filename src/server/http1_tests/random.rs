//! The model and http1 agree on random requests, whole and spoilt, in random pieces.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::{ConnectionEvent, model, read};
use crate::server::http1::{HeadReader, Version};

const CASES: u32 = 10_000;

const METHODS: [&str; 7] = ["GET", "POST", "POST", "get", "M-SEARCH", "CONNECT", "G(T"];
const TARGETS: [&str; 8] = [
    "/api/tags",
    "/",
    "/a?b=%zz",
    "/%41|b",
    "/модель",
    "*",
    "//x?",
    "/%4",
];
const VERSIONS: [&str; 9] = [
    "1.1", "1.1", "1.1", "1.1", "1.1", "1.0", "1.7", "2.0", "1.10",
];

/// Header lines beside those that frame the body.
const LINES: [&str; 27] = [
    "Accept: */*",
    "X-User: Fábián 李",
    "x-empty:",
    "X-Tab: \ta\tb\t ",
    "Connection: close",
    "Connection: Keep-Alive",
    "connection: Upgrade, HTTP2-Settings",
    "Connection: x , CLOSE",
    "Connection: x keep-alive",
    "Expect: 100-continue",
    "Expect: 100-Continue, x",
    "Expect:",
    "Expect: miracles",
    "Trailer: X-Sum",
    "Trailer: X, content-LENGTH",
    "Host: b",
    "Content-Length: 5",
    "Content-Length: 05",
    "Content-Length: +5",
    "Content-Length: 5,5",
    "Content-Length: 18446744073709551616",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    " folded",
    "X : a",
    "no colon",
    "X: \u{1}",
];

/// Ways to send a body. Good ones come first, and most often.
fn body() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let extension = select(vec![
        "", "", "", ";a=b", ";", "  ", "\t", " ;x", ";\u{1}", "g",
    ]);
    let zeros = select(vec!["", "", "", "", "0", "000000000", "00000000000000000"]);
    let chunk = (
        zeros,
        prop::collection::vec(any::<u8>(), 1..20),
        extension,
        select(vec!["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n"]),
    )
        .prop_map(|(zeros, data, extension, end)| {
            [
                format!("{zeros}{:X}{extension}{end}", data.len()).as_bytes(),
                &data,
                b"\r\n",
            ]
            .concat()
        });
    let last = select(vec![
        "0\r\n\r\n",
        "0\r\n\r\n",
        "00\r\nX-Sum: 1\r\nY:\r\n\r\n",
        "0;x\r\n\r\n",
        "0\r\n folded: 1\r\n\r\n",
        "0\r\nX : 1\r\n\r\n",
    ]);
    let chunked = (prop::collection::vec(chunk, 0..4), last).prop_map(|(chunks, last)| {
        (
            vec!["Transfer-Encoding: chunked".to_owned()],
            [chunks.concat(), last.into()].concat(),
        )
    });
    prop_oneof![
        Just((Vec::new(), Vec::new())),
        bytes().prop_map(|bytes| (vec![format!("Content-Length: {}", bytes.len())], bytes)),
        chunked,
    ]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = (
        select(&METHODS[..]),
        select(&TARGETS[..]),
        select(&VERSIONS[..]),
    );
    let some = prop::collection::vec(select(&LINES[..9]), 0..3);
    let any = prop::collection::vec(select(&LINES[..]), 0..3);
    let lines = prop_oneof![4 => some, 1 => any];
    let host = prop_oneof![12 => Just("Host: a:1"), 1 => Just("Accept: */*"), 1 => Just("Host: ü")];
    let before = prop_oneof![8 => Just(""), 1 => Just("\r\n"), 1 => Just("\r\n\r\n")];
    (before, line, host, lines, body()).prop_map(
        |(before, (method, target, version), host, lines, (framing, body))| {
            let mut head = format!("{before}{method} {target} HTTP/{version}\r\n{host}\r\n");
            for line in lines
                .iter()
                .copied()
                .chain(framing.iter().map(String::as_str))
            {
                head += line;
                head += "\r\n";
            }
            [head.as_bytes(), b"\r\n", &body].concat()
        },
    )
}

/// Ways to spoil bytes, at a place between 0 and 1.
#[derive(Clone, Debug)]
enum Spoil {
    Replace(f64, u8),
    Insert(f64, u8),
    Remove(f64),
    Cut(f64),
    Double(f64, usize),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let byte =
        || prop_oneof![2 => select(b"\r\n \t:;,/%0159aAfF\0\x7f\x80".to_vec()), 1 => any::<u8>()];
    prop_oneof![
        (0.0..1.0, byte()).prop_map(|(at, byte)| Spoil::Replace(at, byte)),
        (0.0..1.0, byte()).prop_map(|(at, byte)| Spoil::Insert(at, byte)),
        (0.0..1.0).prop_map(Spoil::Remove),
        (0.0..1.0).prop_map(Spoil::Cut),
        ((0.0..1.0), 1_usize..30).prop_map(|(at, length)| Spoil::Double(at, length)),
    ]
}

fn place(at: f64, bytes: &[u8]) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place among few bytes"
    )]
    let place = (at * bytes.len() as f64) as usize;
    place
}

impl Spoil {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let (Spoil::Replace(at, _)
        | Spoil::Insert(at, _)
        | Spoil::Remove(at)
        | Spoil::Cut(at)
        | Spoil::Double(at, _)) = self;
        let at = place(*at, bytes);
        match self {
            _ if bytes.is_empty() => {}
            Spoil::Replace(_, byte) => bytes[at] = *byte,
            Spoil::Insert(_, byte) => bytes.insert(at, *byte),
            Spoil::Remove(_) => drop(bytes.remove(at)),
            Spoil::Cut(_) => bytes.truncate(at),
            Spoil::Double(_, length) => {
                let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

/// The bytes of a connection, a few requests of which most are spoilt a little, and the ends of the pieces they come in.
fn connection() -> impl Strategy<Value = (Vec<u8>, Vec<f64>)> {
    let spoils = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(spoil(), 1..4)];
    (
        prop::collection::vec(request(), 1..4),
        spoils,
        prop::collection::vec(0.0..1.0, 0..12),
    )
        .prop_map(|(requests, spoils, cuts)| {
            let mut bytes = requests.concat();
            for spoil in &spoils {
                spoil.apply(&mut bytes);
            }
            (bytes, cuts)
        })
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[f64]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts
        .iter()
        .map(|at| place(*at, bytes))
        .chain([0, bytes.len()])
        .collect();
    places.sort_unstable();
    places
        .windows(2)
        .map(|ends| &bytes[ends[0]..ends[1]])
        .collect()
}

#[test]
fn connections_in_any_pieces_are_read_as_the_model_reads_them() {
    let (whole, refused, incomplete) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new_with_rng(
        Config::with_cases(CASES),
        prop::test_runner::TestRng::deterministic_rng(Default::default()),
    );
    let result = runner.run(&connection(), |(bytes, cuts)| {
        let events = read(pieces(&bytes, &cuts));
        prop_assert_eq!(&events, &read(bytes.chunks(1)), "byte by byte");
        let Some(expected) = model::read(&bytes) else {
            return Ok(());
        };
        prop_assert_eq!(&events, &expected, "{}", bytes.escape_ascii());
        whole.set(
            whole.get()
                + events
                    .iter()
                    .filter(|event| matches!(event, ConnectionEvent::Request(_)))
                    .count(),
        );
        match events.last() {
            Some(ConnectionEvent::Refused(_)) => refused.set(refused.get() + 1),
            Some(ConnectionEvent::Incomplete) => incomplete.set(incomplete.get() + 1),
            _ => {}
        }
        Ok(())
    });
    result.unwrap();
    // The requests were neither all good nor all bad.
    let enough = CASES as usize / 10;
    assert!(
        whole.get() > enough && refused.get() > enough && incomplete.get() > enough,
        "{whole:?} {refused:?} {incomplete:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_good_head_keeps_its_bytes_and_the_order_and_letters_of_its_lines(
        method in "[A-Za-z!#$%&'*+.^_`|~-]{1,12}",
        target in "/[!-$&-~\u{a1}-\u{ffff}]{0,30}",
        minor in 1_u8..10,
        lines in prop::collection::vec(("[A-Za-z0-9_-]{1,12}", "[ \t]{0,2}", "([!-~\u{a1}-\u{ffff}]([ -~\u{a1}-\u{ffff}\t]{0,30}[!-~])?)?", "[ \t]{0,2}"), 0..12),
        behind in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let decides = |name: &str| ["host", "content-length", "transfer-encoding", "expect"].iter().any(|n| n.eq_ignore_ascii_case(name));
        prop_assume!(!lines.iter().any(|(name, ..)| decides(name)));
        let mut text = format!("{method} {target} HTTP/1.{minor}\r\nHost: a\r\n");
        for (name, before, value, after) in &lines {
            text += &format!("{name}:{before}{value}{after}\r\n");
        }
        text += "\r\n";
        let mut input = [text.as_bytes(), &behind].concat();
        let head = HeadReader::default().take(&mut input).unwrap().unwrap();
        prop_assert_eq!(&input, &behind);
        prop_assert_eq!(head.raw(), text.as_bytes());
        prop_assert_eq!((head.method(), head.target(), head.version()), (method.as_str(), target.as_bytes(), Version::Http11));
        let first = format!("{method} {target} HTTP/1.{minor}\r\n");
        let joined = [first.as_bytes(), &head.fields().flat_map(|field| field.line).copied().collect::<Vec<u8>>(), b"\r\n"].concat();
        prop_assert_eq!(joined, text.as_bytes());
        let parts: Vec<(&str, &[u8])> = head.fields().skip(1).map(|field| (field.name, field.value)).collect();
        prop_assert_eq!(parts, lines.iter().map(|(name, _, value, _)| (name.as_str(), value.as_bytes())).collect::<Vec<_>>());
    }

    #[test]
    fn random_bytes_neither_panic_nor_are_read_beyond_the_end(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(0.0..1.0, 0..8)) {
        let events = read(pieces(&bytes, &cuts));
        prop_assert_eq!(&events, &read([&bytes[..]]));
        let ends = events.iter().filter(|events| !matches!(events, ConnectionEvent::Request(_))).count();
        prop_assert!(ends == 1 && !matches!(events.last(), Some(ConnectionEvent::Request(_))), "{events:?}");
    }
}
