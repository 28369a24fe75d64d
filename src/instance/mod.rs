//! Instance files: each running tap leaves `PORT.json` for those who look for one, with its address and that of its pages.
//!
//! Everybody may read it, so no secret is in it: it names the file that has the token, `PORT.token`, which only the tap's own
//! user may read. A file that outlived its tap is common (a kill, a power cut) and harmless: who finds one asks /healthz there.

pub mod histories;
mod registration;

use std::cmp::Reverse;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::config::{is_token, test_overrides};
use crate::http::address::{ListenAddress, Upstream};
use crate::http::agent::{addresses, is_local_address};
use crate::platform;
pub use registration::Registration;

/// The extension of an instance file, after the port.
const EXTENSION: &str = ".json";

/// An instance or a token is read up to this (bytes).
const TEXT_MAX: u64 = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    pub listen: SocketAddr,
    /// The address of our own pages, if not the same.
    pub admin: Option<SocketAddr>,
    /// Directory or address of the history.
    pub store: Option<String>,
    pub token_file: Option<PathBuf>,
    pub pid: u32,
}

impl Instance {
    /// Returns the address where clients reach the tap.
    pub fn public(&self) -> Upstream {
        reached(self.listen)
    }

    /// Returns the address of its own pages.
    pub fn pages(&self) -> Upstream {
        reached(self.admin.unwrap_or(self.listen))
    }

    /// Returns whether this address leads to this tap, at either of its ports.
    pub fn is_at(&self, address: &Upstream) -> bool {
        let own = [Some(self.listen), self.admin]
            .into_iter()
            .flatten()
            .filter(|own| own.port() == address.port);
        let own: Vec<SocketAddr> = own.collect();
        let there = || addresses(&address.host, address.port).unwrap_or_default();
        !own.is_empty()
            && there().iter().any(|there| {
                own.iter()
                    .any(|own| own == there || own.ip().is_unspecified() && is_local_address(there))
            })
    }

    /// Reads the token of its history, for those who may read it. An instance file may come from another user, who must not choose which of our
    /// files is sent to that user's tap: it has the name that tokens have, and holds what a token is made of.
    pub fn token(&self) -> Option<String> {
        let path = self.token_file.as_deref().filter(|path| {
            path.file_name()
                .is_some_and(|name| *name == *registration::token_name(self.listen))
        })?;
        let text = String::from_utf8(read(path).ok()?.1).ok()?;
        Some(text.trim().to_owned()).filter(|text| is_token(text))
    }
}

fn reached(address: SocketAddr) -> Upstream {
    let listen = ListenAddress {
        host: address.ip().to_string(),
        port: address.port(),
    };
    listen.dial_target().unwrap_or_else(|| address.into())
}

/// Lists the instances on this machine whose files we may read, the newest first.
pub fn list() -> Vec<Instance> {
    let entries = directories()
        .into_iter()
        .filter_map(|dir| fs::read_dir(dir).ok())
        .flatten();
    let mut found: Vec<(SystemTime, Instance)> = entries
        .filter_map(|entry| read_instance(&entry.ok()?.path()))
        .collect();
    found.sort_by_key(|(time, _)| Reverse(*time));
    found.into_iter().map(|(_, instance)| instance).collect()
}

/// Finds the tap that is reached at this address.
pub fn find(address: &Upstream) -> Option<Instance> {
    list().into_iter().find(|instance| instance.is_at(address))
}

/// Reads an instance file, if it is one, and when it was written.
fn read_instance(path: &Path) -> Option<(SystemTime, Instance)> {
    let port: u16 = path
        .file_name()?
        .to_str()?
        .strip_suffix(EXTENSION)?
        .parse()
        .ok()?;
    let (time, text) = read(path).ok()?;
    let instance: Instance = serde_json::from_slice(&text).ok()?;
    (instance.listen.port() == port).then_some((time, instance))
}

fn read(path: &Path) -> io::Result<(SystemTime, Vec<u8>)> {
    let file = platform::files::open_file_itself(path)?;
    let time = file.metadata()?.modified()?;
    let mut text = Vec::new();
    file.take(TEXT_MAX).read_to_end(&mut text)?;
    Ok((time, text))
}

/// Lists the directories of instance files: that of the machine, and that of this user.
fn directories() -> Vec<PathBuf> {
    let test = test_overrides::RUNTIME_DIRECTORY.path();
    [
        Some(test.unwrap_or_else(platform::folders::runtime_directory)),
        platform::folders::state_directory(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests;
