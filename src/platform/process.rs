//! This process and those that it starts: groups, signals, the console, the environment, and their end.

pub use super::system::process::{
    ask_own_group_to_end, become_leader, become_program, exit_code, kill_group, kill_own_group,
    lead_group, leave_signals_to, own_executable, own_stderr, owns_console, set_variables,
    spawn_to_end_with_us, start_anew, wait_for_signals,
};
