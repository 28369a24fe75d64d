//! The programs of this machine that tests use.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use super::require;

type Answers = Mutex<HashMap<Vec<String>, Arc<OnceLock<bool>>>>;

/// Runs a program to its end, unheard, and returns whether it ends well.
pub fn runs(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Returns whether this machine has a program that ends well with these arguments, which is tried once: some take seconds.
pub fn is_there(program: &str, args: &[&str]) -> bool {
    static ANSWERS: LazyLock<Answers> = LazyLock::new(Answers::default);
    let words = [&[program], args].concat();
    let words = words.into_iter().map(str::to_owned).collect();
    let answer = Arc::clone(
        ANSWERS
            .lock()
            .expect("the answers")
            .entry(words)
            .or_default(),
    );
    *answer.get_or_init(|| runs(program, args))
}

/// Requires a tool, which ends well with these arguments where it is here.
pub fn require_tool(tool: &str, args: &[&str]) -> bool {
    require(tool, is_there(tool, args))
}

/// Requires modules of Python, which packages of other names may bring.
pub fn require_python(modules: &[&str]) -> bool {
    require_tool("python3", &["--version"])
        && modules.iter().all(|module| {
            // Found, not imported: that takes seconds of some.
            let find = format!("import importlib.util as it; assert it.find_spec({module:?})");
            let is_found = is_there("python3", &["-c", &find]);
            require(&format!("the Python module {module}"), is_found)
        })
}
