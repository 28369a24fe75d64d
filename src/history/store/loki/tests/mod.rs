//! The backend against a stand-in for Loki.

mod limits;
mod old;
mod reading;
mod recorded;
mod refusing;
mod spool;
#[path = "../../../../../tests/it/harness/loki.rs"]
mod stand_in;
mod statistics;
mod writing;

use self::stand_in::FakeLoki;
use super::*;
use crate::config::LokiAuth;
use crate::history::store::suite::{self, NOON, suite};
use crate::http::address::Upstream;

suite!(fresh);

/// A backend whose clock stands at the noon of the suite's records, and the Loki that it writes to.
fn fresh() -> (Loki, FakeLoki) {
    let fake = FakeLoki::start();
    (at(&fake, LokiAuth::None, None), fake)
}

fn at(fake: &FakeLoki, auth: LokiAuth, tenant: Option<&str>) -> Loki {
    let (url, _) = Upstream::parse(&fake.url()).unwrap();
    let mut loki = Loki::reader(
        &LokiSettings {
            url,
            auth,
            tenant: tenant.map(str::to_owned),
        },
        None,
    );
    loki.clock = || NOON;
    loki
}

fn failure<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(StoreError::Failed(text) | StoreError::Unsupported(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn records(numbers: std::ops::Range<u32>) -> Vec<Record> {
    numbers.map(suite::record).collect()
}
