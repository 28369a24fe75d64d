//! What diagnosis is told, and what it says, however the bytes of request and reply come.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::diagnosed::exchange_of;
use super::recorded::{RecordedExchange, TestObserver, cases, comparable};
use crate::diagnose::context::{Memory, findings};
use crate::diagnose::prompt::keys;
use crate::diagnose::seen::Loaded;
use crate::diagnose::tests::recorded;
use crate::observe::{Exchange, ExchangeEnd, RequestBody};

/// Cuts a text into pieces, each of which is not empty.
fn pieces(bytes: &[u8], random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    let most = random.usize(1..=400);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.usize(1..=rest.len().min(most)));
        pieces.push(piece.to_vec());
        rest = after;
    }
    pieces
}

/// A body that a reader gets in these pieces.
fn compressed(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for piece in pieces {
        gzip.write_all(piece).unwrap();
        gzip.flush().unwrap();
    }
    gzip.finish().unwrap()
}

/// Observes an exchange. Without `random`, request and reply come whole.
fn observe(recorded: &RecordedExchange, random: Option<&mut fastrand::Rng>) -> Exchange {
    let mut test = TestObserver::new(recorded.endpoint);
    let (body, reply) = (&recorded.request.body, &recorded.reply.body);
    let (mut bytes, mut encoding, mut replies) = (body.clone(), None, vec![reply.clone()]);
    if let Some(random) = random {
        replies = pieces(reply, random);
        if random.bool() {
            bytes = compressed(&pieces(body, random));
            encoding = Some("gzip");
        }
    }
    let request = RequestBody {
        bytes: &bytes,
        is_partial: false,
        encoding,
        content_type: recorded.request.header("content-type"),
    };
    test.observer.request(request, body.len() as u64);
    test.head(recorded);
    for piece in replies {
        test.observer.body(&piece, test.started);
    }
    comparable(test.finish(ExchangeEnd::Complete))
}

proptest! {
    #![proptest_config(cases(64, 10_000))]

    #[test]
    fn neither_what_is_seen_nor_what_is_said_depends_on_how_the_bytes_were_split(seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let folder = ["cuts", "conversations"][random.usize(..2)];
        let name = random.choice(recorded::names(folder)).unwrap();
        let case = recorded::case(&name, keys());
        let recorded = exchange_of(&case, folder);
        let (mut whole, mut split) = (observe(&recorded, None), observe(&recorded, Some(&mut random)));
        prop_assert_eq!(&whole, &split, "{}", case.name);
        let loaded: Option<Loaded> = case.seen.loaded.clone();
        let said = |exchange: &mut Exchange| {
            findings(&exchange.seen(loaded.clone()), &case.said(), &mut Memory::default())
        };
        prop_assert_eq!(said(&mut whole), said(&mut split));
    }
}
