//! Takes a token from the command line, which every user of the machine can read.

use std::ffi::OsString;

use crate::cli::extract_token;
use crate::config::{ENV_TOKEN, is_token};
use crate::platform;
use crate::util::stderr;

/// Starts this program anew, in this process, with the token in a variable instead. Returns without a token, or with a bad one,
/// which is complained of like every setting; and, with a warning, where a process cannot do that.
pub fn hide_token(args: &[OsString]) {
    let Some((args, token)) = extract_token(args) else {
        return;
    };
    if is_token(token.trim()) {
        platform::process::start_anew(&args, (ENV_TOKEN, token.trim()));
        stderr::say(format_args!(
            "ollama-tap: a --token on the command line can be read by others on this machine; set {ENV_TOKEN} instead"
        ));
    }
}
