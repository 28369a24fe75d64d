//! Files and their permissions on Unix.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Tells whether a backslash separates the parts of a path.
pub const BACKSLASHES_ARE_PATHS: bool = false;

/// Returns options that make a file which only its owner may read.
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Opens the file at `path` for reading, and no target of a link: a user who may write there must not choose what we read.
/// A pipe is not waited for.
pub fn open_file_itself(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
}

/// Makes a directory that only its owner may enter, with its parents. One that is there stays as it is.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    builder.mode(0o700).create(path)
}

/// Takes the rights of everyone else away from a directory that was there before.
pub fn make_directory_private(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, PermissionsExt::from_mode(0o700))
}

/// Takes the rights of everyone else away from a file that was there before.
pub fn make_file_private(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, PermissionsExt::from_mode(0o600))
}

/// Gives the file that was just opened at `path` to the owner of its directory, so that root leaves nothing behind there that the
/// service cannot write. Only root can, and for the others there is nothing to do. A link is left alone: a user who may write in
/// the directory could have made it lead anywhere.
pub fn give_to_owner_of_directory(file: &File, path: &Path) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let (owner, now, named) = (
        fs::metadata(directory)?,
        file.metadata()?,
        fs::symlink_metadata(path)?,
    );
    let is_link = (named.dev(), named.ino()) != (now.dev(), now.ino()) || now.nlink() > 1;
    if owner.uid() == now.uid() || is_link {
        return Ok(());
    }
    match fchown(file, Some(owner.uid()), Some(owner.gid())) {
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Returns whether `path` still leads to this file: it may have been removed or replaced.
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match identity(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        there => Ok(identity_of(&file.metadata()?) == there?),
    }
}

/// Identifies a file, also against one that took its place.
pub type Identity = (u64, u64);

/// Reads the identity of the file at `path`.
pub fn identity(path: &Path) -> io::Result<Identity> {
    fs::metadata(path).map(|file| identity_of(&file))
}

fn identity_of(file: &Metadata) -> Identity {
    (file.dev(), file.ino())
}

/// Makes appended and renamed files of a directory survive a power cut.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns the whole path of a file, as other programs take it.
pub fn whole_path(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// Sets the permissions of a file, as in `chmod 644`.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, PermissionsExt::from_mode(mode))
}

/// Fails: a file that is in use can be removed at once here.
pub fn remove_at_restart(path: &Path) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} is in use", path.display()),
    ))
}

/// Returns whether there is a file that may be run.
pub fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Returns whether both names lead to one file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

/// Returns the owner of `path`, or else of the directory it is in, by a name that sudo takes. `None` where that is the one who asks,
/// or where there is no sudo.
pub fn other_owner(path: &Path) -> Option<String> {
    let found = path.ancestors().find_map(|path| fs::metadata(path).ok())?;
    let owner = found.uid();
    // SAFETY: geteuid takes nothing and cannot fail.
    let is_other = owner != unsafe { libc::geteuid() };
    is_other.then(|| super::users::name_of(owner).unwrap_or_else(|| format!("#{owner}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    /// Debian's `nobody`; any user that is not root will do.
    const OTHER: u32 = 65_534;

    #[test]
    fn roots_new_files_belong_to_whom_the_directory_belongs_to_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("history"), dir.path().join("outside"));
        fs::create_dir(&inside).unwrap();
        fs::write(&outside, "").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        fs::hard_link(&outside, inside.join("twin")).unwrap();
        if !crate::skips::require(
            "the right to give files away",
            chown(&inside, Some(OTHER), Some(OTHER)).is_ok(),
        ) {
            return;
        }
        for (name, given) in [("new", true), ("link", false), ("twin", false)] {
            let path = inside.join(name);
            let file = private_file()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .unwrap();
            give_to_owner_of_directory(&file, &path).unwrap();
            let now = file.metadata().unwrap();
            assert_eq!(
                (now.uid() == OTHER, now.gid() == OTHER),
                (given, given),
                "{name}"
            );
        }
    }

    #[test]
    fn no_link_is_followed_and_no_pipe_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let [file, link, pipe] = ["file", "link", "pipe"].map(|name| dir.path().join(name));
        fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert!(open_file_itself(&link).is_err());
        for (path, expected) in [(&file, "text"), (&pipe, "")] {
            assert_eq!(
                io::read_to_string(open_file_itself(path).unwrap()).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn a_file_that_was_replaced_or_removed_is_not_there_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        fs::rename(&path, dir.path().join("b")).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        fs::write(&path, "another").unwrap();
        assert!(!is_at(&file, &path).unwrap());
    }

    #[test]
    fn ones_own_files_have_no_other_owner_and_roots_are_roots() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(other_owner(&dir.path().join("missing/too")), None);
        assert_eq!(super::super::users::name_of(0).as_deref(), Some("root"));
        assert_eq!(super::super::users::name_of(libc::uid_t::MAX - 7), None);
    }
}
