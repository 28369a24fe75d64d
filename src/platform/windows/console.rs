//! The console: its signals to end, and the processes that share it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
    GetConsoleProcessList, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

/// What asks this process to end.
#[derive(Clone, Copy, PartialEq)]
pub enum Signal {
    /// Ctrl-C or Ctrl-Break, which all programs of the console hear.
    Key,
    /// The end of the console, the session or the system, or the service control manager.
    End,
}

/// The function to call; Windows passes no argument of ours to its callback.
static ON_SIGNAL: Mutex<Option<Box<dyn Fn(Signal) + Send>>> = Mutex::new(None);

/// Tells whether the service control manager has started this process.
static IS_SERVICE: AtomicBool = AtomicBool::new(false);

/// Leaves the end of the session and of the system to the service control manager.
pub fn become_service() {
    IS_SERVICE.store(true, SeqCst);
}

/// Acts as the end of the system, on behalf of the service control manager.
pub fn ask_to_stop() {
    heed(Signal::End);
}

fn heed(signal: Signal) {
    if let Some(on_signal) = &*ON_SIGNAL.lock().unwrap_or_else(PoisonError::into_inner) {
        on_signal(signal);
    }
}

/// Calls `on_signal` for Ctrl-C, Ctrl-Break, and the end of the console, the session or the system, on a thread of the system's.
pub fn wait_for_signals(on_signal: impl Fn() + Send + 'static) -> io::Result<()> {
    tell_signals_apart(move |_| on_signal())
}

/// Calls `on_signal` as `wait_for_signals` does, and tells it which one came.
pub fn tell_signals_apart(on_signal: impl Fn(Signal) + Send + 'static) -> io::Result<()> {
    *ON_SIGNAL.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(on_signal));
    // SAFETY: the handler is a plain function, which lives for ever.
    match unsafe { SetConsoleCtrlHandler(Some(on_event), 1) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

extern "system" fn on_event(event: u32) -> BOOL {
    const HANDLED: BOOL = 1;
    const NOT_HANDLED: BOOL = 0;
    let signal = match event {
        // A service gets the event of every user who logs off; its own end comes from the manager.
        CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT if IS_SERVICE.load(SeqCst) => {
            return HANDLED;
        }
        CTRL_C_EVENT | CTRL_BREAK_EVENT => Signal::Key,
        CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT => Signal::End,
        _ => return NOT_HANDLED,
    };
    heed(signal);
    while signal == Signal::End {
        // The process dies when this returns, and some seconds later anyway; the main thread needs them.
        std::thread::park();
    }
    HANDLED
}

/// Returns whether our console has no other process: it was made for us, by a double-click say, and its window closes with us.
pub fn owns_console() -> bool {
    sharers_of_console() == 1
}

/// Counts the processes that use our console, this one among them; 0 without a console.
pub fn sharers_of_console() -> u32 {
    let mut ids = [0u32; 2];
    // SAFETY: pointer and length are those of a valid buffer.
    unsafe { GetConsoleProcessList(ids.as_mut_ptr(), ids.len() as u32) }
}
