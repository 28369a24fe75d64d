//! What differs between systems, under equal names. The only place with `cfg` or `unsafe`.

#![allow(unsafe_code)]

#[cfg(any(windows, test))]
mod log_file;
mod notify;
mod places;
mod readiness;
mod services;
mod tray;
mod users;

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(all(unix, not(target_os = "linux")))]
#[path = "other_unix.rs"]
mod system;

#[cfg(target_os = "linux")]
mod kept;
#[cfg(not(target_os = "linux"))]
#[path = "kept_nowhere.rs"]
mod kept;

#[cfg(unix)]
mod private;
#[cfg(unix)]
mod processes;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as family;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows::{self as family, self as system, private, processes};

pub use family::{
    claim_port, has_input, host_name, interrupt, is_no_family, is_out_of_descriptors, log_target,
    owns_console, raise_descriptor_limit, release_stack, set_thread_stack, steady_clock,
    wait_for_signals,
};
pub use kept::{handed_over, keep, let_go, let_go_of_all, take_over};
pub use notify::{notify_alive, notify_ready, notify_stopping, watchdog};
pub use places::{
    BACKSLASHES_ARE_PATHS, MORE_PATH, history_of_commands, ollama_places, other_owner,
    program_places, runtime_directory, service_directory, service_home, service_program,
    state_directory, whole_path,
};
pub use private::{
    Identity, create_private_directory, give_to_owner_of_directory, identity, is_at,
    make_directory_private, make_file_private, open_file_itself, private_file, sync_directory,
};
pub use processes::{
    ask_own_group_to_end, become_leader, become_program, exit_code, is_executable, is_same_file,
    kill_group, kill_own_group, lead_group, leave_signals_to, own_executable, own_stderr,
    start_anew,
};
pub use readiness::{Awaited, Found, WatchedListener, WatchedStream, wait};
pub use services::{
    SERVICE_ACCOUNT, SERVICE_LOG, ServiceCall, ServiceEntry, ServiceManager, call_service,
    is_service, live_as_service, log_to, remove_at_restart, service_manager, service_state,
    set_mode, set_variables,
};
pub use system::{
    LINGER, STOP_OLLAMA, desktop_app_runs, end_unless_acknowledged, memory_bytes, port_holder,
    process_collector, return_freed_memory, spawn_to_end_with_us,
};
pub use tray::{
    Painter, Tray, TrayLook, claim_tray, copy_text, has_console, open, run_as_administrator,
    start_without_console, tell, tray_icon_side,
};
pub use users::{NOT_OURS_TO_READ, User, is_root, user};
