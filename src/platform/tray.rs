//! The icon in the notification area, and what its menu does: only Windows has one.

pub use super::system::tray::{
    Painter, Tray, claim_tray, copy_text, has_console, open, run_as_administrator, show_message,
    start_without_console, stop_tray, tray_icon_side,
};

/// The content of an icon.
#[cfg_attr(not(windows), expect(dead_code, reason = "no other system shows it"))]
pub struct TrayLook {
    /// Red, green, blue and opacity of each pixel, row by row.
    pub pixels: Vec<u8>,
    /// Pixels a side.
    pub side: u32,
    pub tooltip: String,
}
