//! The modules of the tap that the bench calls itself: the store, which has no other way in that is fast enough to be measured,
//! and what it is built on. The tap is an executable without a library, so they are compiled once more here; their own paths
//! begin at the root of the crate, which is why `main` names them all.
#![allow(
    dead_code,
    unused_imports,
    reason = "the bench calls little of what these modules offer to the tap"
)]

#[path = "../../src/address/mod.rs"]
pub mod address;
#[path = "../../src/budget.rs"]
pub mod budget;
#[path = "../../src/cli/mod.rs"]
pub mod cli;
#[path = "../../src/config/mod.rs"]
pub mod config;
#[path = "../../src/error.rs"]
pub mod error;
#[path = "../../src/fault.rs"]
pub mod fault;
#[path = "../../src/forward/mod.rs"]
pub mod forward;
#[path = "../../src/gate.rs"]
pub mod gate;
#[path = "../../src/metrics/mod.rs"]
pub mod metrics;
#[path = "../../src/model_name.rs"]
pub mod model_name;
#[path = "../../src/observe/mod.rs"]
pub mod observe;
#[path = "../../src/origin.rs"]
pub mod origin;
#[path = "../../src/platform/mod.rs"]
pub mod platform;
#[path = "../../src/record/mod.rs"]
pub mod record;
#[path = "../../src/reply.rs"]
pub mod reply;
#[path = "../../src/route.rs"]
pub mod route;
#[path = "../../src/sanitize.rs"]
pub mod sanitize;
#[path = "../../src/server/mod.rs"]
pub mod server;
#[path = "../../src/store/mod.rs"]
pub mod store;
#[path = "../../src/threads.rs"]
pub mod threads;
