//! Systems without a notification area: the first call fails, and no other follows.

use std::ffi::OsString;
use std::io::{Error, Result};
use std::ops::ControlFlow;
use std::path::Path;

use crate::platform::tray::TrayLook;

pub struct Claim;

impl Claim {
    pub fn quit_when_asked(self) -> Result<()> {
        Err(missing())
    }
}

pub fn claim_tray() -> Result<Option<Claim>> {
    Err(missing())
}

pub fn stop_tray() -> Result<bool> {
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

pub fn show_message(_text: &str) {}
