//! What the history costs: to write, to search, to export, and to have beside the proxy. Each case says what its figures should be.
//!
//! A quick look (`--rounds 1`) keeps a tenth of the records; its rows say how many that is, and have no target where one is meant for all.

mod export;
mod filled;
mod proxy;
mod search;
mod write;

use crate::rig::Rig;
use crate::table::Target;

pub use export::export;
pub use filled::Full;
pub use proxy::history;
pub use search::search;
pub use write::write;

/// `count` records, or a tenth of them for a quick look.
fn size(rig: &Rig, count: usize) -> usize {
    if rig.rounds > 1 { count } else { count / 10 }
}

/// A target that is meant for the full size.
fn at_full_size(rig: &Rig, target: Target) -> Target {
    if rig.rounds > 1 { target } else { Target::None }
}

/// A count as people write it: 1,000,000.
fn grouped(count: usize) -> String {
    match (count / 1000, count % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{},{rest:03}", grouped(thousands)),
    }
}
