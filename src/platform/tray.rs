//! The icon in the notification area, and what its menu does: Windows alone has all that.

/// What an icon shows.
#[cfg_attr(not(windows), expect(dead_code, reason = "no other system shows it"))]
pub struct TrayLook {
    /// Red, green, blue and opacity of each pixel, row by row.
    pub pixels: Vec<u8>,
    /// Pixels a side.
    pub side: u32,
    pub tooltip: String,
}

#[cfg(windows)]
pub use super::windows::shell::{
    claim_tray, copy_text, has_console, open, run_as_administrator, start_without_console, tell,
};
#[cfg(windows)]
pub use super::windows::tray::{Painter, Tray, tray_icon_side};

#[cfg(not(windows))]
pub use elsewhere::*;

/// Systems without one: the first call fails, and no other follows.
#[cfg(not(windows))]
mod elsewhere {
    use std::ffi::OsString;
    use std::io::{Error, Result};
    use std::ops::ControlFlow;
    use std::path::Path;

    use super::TrayLook;

    pub struct Claim;

    pub fn claim_tray() -> Result<Option<Claim>> {
        Err(missing())
    }

    fn missing() -> Error {
        Error::other(
            "only Windows has a place for it; the page /analytics of the tap shows more, in a browser",
        )
    }

    pub struct Tray;

    impl Tray {
        pub fn new(_menu: &[&str], _look: TrayLook) -> Result<Tray> {
            Err(missing())
        }

        pub fn painter(&self) -> Painter {
            Painter
        }

        pub fn run(self, _chosen: impl FnMut(usize) -> ControlFlow<()>) {}
    }

    pub struct Painter;

    impl Painter {
        pub fn show(&self, _look: TrayLook) {}
    }

    pub fn tray_icon_side() -> u32 {
        0
    }

    pub fn has_console() -> bool {
        false
    }

    pub fn start_without_console(_args: impl Iterator<Item = OsString>) -> Result<()> {
        Err(missing())
    }

    pub fn open(_what: &Path) -> Result<()> {
        Err(missing())
    }

    pub fn copy_text(_text: &str) -> Result<()> {
        Err(missing())
    }

    pub fn run_as_administrator(_words: &[&str]) -> Result<u32> {
        Err(missing())
    }

    pub fn tell(_text: &str) {}
}
