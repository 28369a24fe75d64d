//! The modules of the tap that the bench calls itself: the store, which has no other way in that is fast enough to be measured,
//! and what it is built on. The tap is an executable without a library, so they are compiled once more here; their own paths
//! begin at the root of the crate, which is why `main` names them all.
#![allow(
    dead_code,
    unused_imports,
    reason = "the bench calls little of what these modules offer to the tap"
)]

#[path = "../../src/cli/mod.rs"]
pub mod cli;
#[path = "../../src/config/mod.rs"]
pub mod config;
#[path = "../../src/diagnose/mod.rs"]
pub mod diagnose;
#[path = "../../src/error.rs"]
pub mod error;
#[path = "../../src/forward/mod.rs"]
pub mod forward;
#[path = "../../src/history/mod.rs"]
pub mod history;
#[path = "../../src/http/mod.rs"]
pub mod http;
#[path = "../../src/metrics/mod.rs"]
pub mod metrics;
#[path = "../../src/observe/mod.rs"]
pub mod observe;
#[path = "../../src/platform/mod.rs"]
pub mod platform;
#[path = "../../src/server/mod.rs"]
pub mod server;
#[path = "../../src/util/mod.rs"]
pub mod util;
