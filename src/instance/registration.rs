//! The registration of this process: its file, and the file of its token.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, process};

use super::{EXTENSION, Instance, directories, read_instance};
use crate::config::{Backend, Config};
use crate::history::History;
use crate::history::store::TOKEN_SUFFIX;
use crate::platform;

/// The mode of a file that all users may read.
const PUBLIC: u32 = 0o644;
/// The mode of a file that only its owner may read.
pub(super) const PRIVATE: u32 = 0o600;

/// The instance file of this process, which is removed with this.
pub struct Registration {
    path: PathBuf,
    instance: Instance,
}

impl Registration {
    /// Writes the instance file to the first directory that takes it, and before it the token's file: in the directory of the history, if
    /// there is one, else in the user's own. `None` where no directory takes it: then a tap is found by its port alone.
    pub fn register(
        config: &Config,
        listen: SocketAddr,
        admin: Option<SocketAddr>,
        history: Option<&History>,
    ) -> Option<Registration> {
        if !config.is_registered {
            return None;
        }
        let is_directory = history.is_some() && config.history.backend != Backend::Loki;
        let dir = is_directory.then(|| config.history.dir.clone());
        let store = dir
            .as_ref()
            .map(|dir| dir.to_string_lossy().into_owned())
            .or_else(|| Some(history?.store.location()));
        let private = dir.into_iter().chain(platform::folders::state_directory());
        let token_file = write_token(
            &token_name(listen),
            config.token.as_deref(),
            private.collect(),
        );
        let instance = Instance {
            listen,
            admin,
            store,
            token_file,
            pid: process::id(),
        };
        let left = directories()
            .iter()
            .find_map(|dir| write_in(dir, &instance));
        if left.is_none() {
            log::debug!("this tap is not registered: no directory takes its file");
            remove(instance.token_file.as_deref());
        }
        left.map(|path| Registration { path, instance })
    }

    /// Removes it, and the token's file. Another tap may have the port by now, and with it the place of our instance.
    pub fn remove(&self) {
        if read_instance(&self.path).is_some_and(|(_, there)| there == self.instance) {
            remove(Some(&self.path));
            remove(self.instance.token_file.as_deref());
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The name of the file that holds the token of a tap that listens here.
pub fn token_name(listen: SocketAddr) -> String {
    format!("{}{TOKEN_SUFFIX}", listen.port())
}

/// Returns the path of the instance file, if this directory took it.
fn write_in(dir: &Path, instance: &Instance) -> Option<PathBuf> {
    let path = dir.join(format!("{}{EXTENSION}", instance.listen.port()));
    let text = serde_json::to_vec(instance).map_err(io::Error::from);
    match text.and_then(|text| put(&path, &text, PUBLIC)) {
        Ok(()) => Some(path),
        Err(cause) => {
            log::debug!("register this tap in {}: {cause}", path.display());
            None
        }
    }
}

/// Writes the token into the first directory that takes it. What a tap that was killed left of an old one goes.
fn write_token(name: &str, token: Option<&str>, dirs: Vec<PathBuf>) -> Option<PathBuf> {
    let paths: Vec<PathBuf> = dirs.iter().map(|dir| dir.join(name)).collect();
    paths.iter().for_each(|path| remove(Some(path)));
    let token = token?;
    let put = |path: &&PathBuf| match put(path, token.as_bytes(), PRIVATE) {
        Ok(()) => true,
        Err(cause) => {
            log::debug!("keep the token in {}: {cause}", path.display());
            false
        }
    };
    paths.iter().find(put).cloned()
}

/// Puts a file in its place whole, with these rights under any umask. The user's own directory is made where it is missing.
pub(super) fn put(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    if platform::folders::state_directory().is_some_and(|own| own == dir) {
        platform::files::create_private_directory(dir)?;
    }
    let mut part = tempfile::NamedTempFile::new_in(dir)?;
    platform::files::set_mode(part.path(), mode)?;
    part.write_all(text)?;
    platform::files::replace(part, path).map(drop)
}

fn remove(path: Option<&Path>) {
    if let Some(Err(cause)) = path.map(fs::remove_file)
        && cause.kind() != io::ErrorKind::NotFound
    {
        log::debug!(
            "remove {}: {cause}",
            path.unwrap_or(Path::new("")).display()
        );
    }
}
