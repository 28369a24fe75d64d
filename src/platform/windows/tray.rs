//! The icon in the notification area, and the loop that Windows' messages to it go through.
//!
//! An icon belongs to the thread that made it. So another thread leaves what is to be shown in a channel, and wakes this one.

pub use super::shell::{
    copy_text, has_console, open, run_as_administrator, show_message, start_without_console,
};
pub use super::tray_claim::{claim_tray, stop_tray};
use crate::platform::tray::TrayLook;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::io;
use std::ops::ControlFlow;
use std::ptr;
use tray_icon::menu::{Menu, MenuEvent, MenuId, MenuItem, PredefinedMenuItem};
use tray_icon::{Icon, TrayIcon, TrayIconBuilder};
use windows_sys::Win32::System::Threading::GetCurrentThreadId;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    DispatchMessageW, GetMessageW, GetSystemMetrics, MSG, PostThreadMessageW, SM_CXSMICON,
    TranslateMessage, WM_APP,
};

pub struct Tray {
    icon: TrayIcon,
    items: Vec<MenuId>,
    painter: Painter,
    looks: Receiver<TrayLook>,
    /// The look that could not be shown: the taskbar was not there.
    pending: Option<TrayLook>,
}

/// Shows something new, from any thread.
#[derive(Clone)]
pub struct Painter {
    looks: Sender<TrayLook>,
    thread: u32,
}

impl Painter {
    pub fn show(&self, look: TrayLook) {
        if self.looks.send(look).is_ok() {
            // SAFETY: takes no memory of ours. A message that wakes no loop, because a menu is open, is followed by the next.
            unsafe { PostThreadMessageW(self.thread, WM_APP, 0, 0) };
        }
    }
}

impl Tray {
    /// An icon with a menu, in which an empty text is a line between others. Where there is no taskbar yet, the icon comes with it.
    pub fn new(menu: &[&str], look: TrayLook) -> io::Result<Tray> {
        let (list, items) = list(menu).map_err(io::Error::other)?;
        let icon = TrayIconBuilder::new()
            .with_menu(Box::new(list))
            .with_tooltip(&look.tooltip)
            .with_icon(icon(look)?);
        let (sender, looks) = unbounded();
        // SAFETY: takes nothing.
        let painter = Painter {
            looks: sender,
            thread: unsafe { GetCurrentThreadId() },
        };
        Ok(Tray {
            icon: icon.build().map_err(io::Error::other)?,
            items,
            painter,
            looks,
            pending: None,
        })
    }

    pub fn painter(&self) -> Painter {
        self.painter.clone()
    }

    /// Shows the icon until `chosen`, which gets the place of what was chosen in the menu, breaks it off.
    pub fn run(mut self, mut chosen: impl FnMut(usize) -> ControlFlow<()>) {
        let mut message = MSG::default();
        // SAFETY: the message is writable for the call.
        while unsafe { GetMessageW(&mut message, ptr::null_mut(), 0, 0) } > 0 {
            // SAFETY: the message is the one that was just got.
            unsafe { TranslateMessage(&message) };
            // SAFETY: the same.
            unsafe { DispatchMessageW(&message) };
            self.repaint();
            let ids: Vec<MenuId> = MenuEvent::receiver()
                .try_iter()
                .map(|event| event.id)
                .collect();
            let places = ids
                .iter()
                .filter_map(|id| self.items.iter().position(|item| item == id));
            if places.map(&mut chosen).any(|flow| flow.is_break()) {
                break;
            }
        }
    }

    /// Shows what came last. What cannot be shown now is kept for the next message.
    fn repaint(&mut self) {
        let Some(look) = self.looks.try_iter().last().or_else(|| self.pending.take()) else {
            return;
        };
        let again = TrayLook {
            pixels: look.pixels.clone(),
            side: look.side,
            tooltip: look.tooltip.clone(),
        };
        let tooltip = self.icon.set_tooltip(Some(&look.tooltip));
        let icon =
            icon(look).and_then(|icon| self.icon.set_icon(Some(icon)).map_err(io::Error::other));
        self.pending = (tooltip.is_err() || icon.is_err()).then_some(again);
    }
}

fn icon(look: TrayLook) -> io::Result<Icon> {
    Icon::from_rgba(look.pixels, look.side, look.side).map_err(io::Error::other)
}

/// The menu, and a number for each of its texts. A line has one that nothing else has.
fn list(menu: &[&str]) -> Result<(Menu, Vec<MenuId>), tray_icon::menu::Error> {
    let list = Menu::new();
    let mut items = Vec::new();
    for text in menu {
        if text.is_empty() {
            let line = PredefinedMenuItem::separator();
            list.append(&line)?;
            items.push(line.id().clone());
        } else {
            let item = MenuItem::new(text, true, None);
            list.append(&item)?;
            items.push(item.id().clone());
        }
    }
    Ok((list, items))
}

/// Pixels a side that an icon has here.
pub fn tray_icon_side() -> u32 {
    /// The size where Windows does not tell it.
    const USUAL: u32 = 16;
    // SAFETY: takes no memory of ours.
    let side = unsafe { GetSystemMetrics(SM_CXSMICON) };
    u32::try_from(side)
        .ok()
        .filter(|side| *side > 0)
        .unwrap_or(USUAL)
}
