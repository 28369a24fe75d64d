//! Every file and directory of a machine: to be compared, and to be made as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Machine;

/// The directories that are looked at, of which a user has the first two.
const PLACES: [&str; 5] = ["home", "tmp", "etc", "run", "var"];

impl Machine {
    /// Every file and directory of the home and of the directory for temporary files, and of the system where root has one.
    pub fn everything(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        let mut directories = self.places();
        while let Some(directory) = directories.pop() {
            for path in fs::read_dir(&directory)
                .expect("list a directory")
                .map(|entry| entry.expect("an entry").path())
            {
                let is_directory = path.is_dir() && !path.is_symlink();
                found.insert(path.clone(), (!is_directory).then(|| content(&path)));
                if is_directory {
                    directories.push(path);
                }
            }
        }
        found
    }

    fn places(&self) -> Vec<PathBuf> {
        let places = PLACES.iter().map(|place| self.at(place));
        places.filter(|place| place.exists()).collect()
    }

    /// Keeps all of `everything`, for `go_back`.
    pub fn keep(&self) {
        copy(&self.places(), &self.at("kept"));
    }

    /// Makes everything as it was kept.
    pub fn go_back(&self) {
        for place in self.places() {
            fs::remove_dir_all(place).expect("remove a directory");
        }
        let kept = fs::read_dir(self.at("kept")).expect("what was kept");
        let kept: Vec<PathBuf> = kept.map(|entry| entry.expect("an entry").path()).collect();
        copy(&kept, self.dir.path());
    }
}

fn content(path: &Path) -> Vec<u8> {
    match fs::read_link(path) {
        Ok(target) => format!("link to {}", target.display()).into_bytes(),
        Err(_) => fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    }
}

fn copy(directories: &[PathBuf], to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    let mut command = Command::new("cp");
    command.arg("-a").args(directories).arg(to);
    assert!(command.status().expect("run cp").success(), "cp");
}
