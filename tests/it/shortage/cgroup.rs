//! A control group of Linux that bounds a tap, made and removed by the test.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{eventually, skip};

/// A group of one controller, which must be empty when it is dropped.
pub struct Cgroup {
    dir: PathBuf,
}

impl Cgroup {
    /// A new group of `controller` whose `file` bounds it; `None`, said aloud, where none can be made: who runs the tests cannot
    /// install one.
    pub fn new(controller: &str, file: &str, limit: u64) -> Option<Cgroup> {
        let dir = Path::new("/sys/fs/cgroup")
            .join(controller)
            .join(format!("tap-test-{}-{limit}", std::process::id()));
        let made = fs::create_dir(&dir).and_then(|()| fs::write(dir.join(file), limit.to_string()));
        if let Err(cause) = made {
            skip(&format!(
                "no cgroup of {controller} can be made here: {cause}"
            ));
            return None;
        }
        Some(Cgroup { dir })
    }

    /// Words that put a program into the group, before its own.
    pub fn words(&self) -> [String; 3] {
        let enter = format!(
            "echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"",
            self.dir.display()
        );
        ["sh".to_owned(), "-c".to_owned(), enter]
    }

    pub fn set(&self, file: &str, value: &str) {
        fs::write(self.dir.join(file), value).expect("set a limit");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        eventually("the group is empty and can be removed", || {
            fs::remove_dir(&self.dir).is_ok()
        });
    }
}
