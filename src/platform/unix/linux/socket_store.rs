//! The descriptor store of systemd.

use sd_notify::NotifyState::{Custom, FdName, FdStore, FdStoreRemove};
use socket2::Socket;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::mem;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, FromRawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest wait for systemd to act on a message (it reads them in turn).
const BARRIER_TIMEOUT: Duration = Duration::from_secs(5);

/// A process has one such store.
static STORE: Mutex<Store> = Mutex::new(Store {
    inherited: Vec::new(),
    names: BTreeSet::new(),
});

struct Store {
    /// The sockets that we inherited, with their names, until they are taken.
    inherited: Vec<(String, Socket)>,
    /// The names of all sockets in the store.
    names: BTreeSet<String>,
}

/// Takes the sockets that systemd passed to us, and hides the variables that announce them from our children. Call it before the
/// first thread starts.
pub fn inherit() {
    // SAFETY: no other thread runs yet that could read the environment at the same time.
    let found = unsafe { sd_notify::listen_fds_with_names_and_unset_env() };
    let mut store = lock();
    match found {
        Ok(found) => {
            for (descriptor, name) in found {
                store.names.insert(name.clone());
                // SAFETY: the descriptor is open, or there would be an error, and was passed to this process alone, which comes here once.
                store
                    .inherited
                    .push((name, unsafe { Socket::from_raw_fd(descriptor) }));
            }
        }
        Err(cause) => {
            // Where nobody can be told, it works all the same.
            let _ = writeln!(
                io::stderr(),
                "ollama-tap: take over the sockets that were handed to us: {cause}; none is used"
            );
        }
    }
}

/// Returns the inherited sockets with their names, once.
pub fn take_inherited() -> Vec<(String, Socket)> {
    mem::take(&mut lock().inherited)
}

/// Stores a socket by this name, unless the name is taken.
pub fn store(name: &str, socket: &TcpListener) {
    if !lock().names.insert(name.to_owned()) {
        return;
    }
    let stored = sd_notify::notify_with_fds(&[FdStore, FdName(name)], &[socket.as_fd()]);
    if let Err(cause) = stored {
        log::warn!("store a socket for the next run: {cause}");
    }
}

/// Removes the sockets of these names, and waits until systemd has closed them: until then the port is taken.
pub fn remove(names: &BTreeSet<String>) {
    if names.is_empty() {
        return;
    }
    lock().names.retain(|name| !names.contains(name));
    let removed = names
        .iter()
        .try_for_each(|name| sd_notify::notify(&[FdStoreRemove, FdName(name)]))
        .and_then(|()| wait_until_read());
    if let Err(cause) = removed {
        log::warn!("remove a socket from systemd's store: {cause}");
    }
}

/// Removes all sockets, so that new connections are refused.
pub fn remove_all() {
    let names = lock().names.clone();
    drop(take_inherited());
    remove(&names);
}

/// Waits until systemd has read all messages before this one: it then closes the descriptor that comes with it.
fn wait_until_read() -> io::Result<()> {
    let (ours, theirs) = io::pipe()?;
    sd_notify::notify_with_fds(&[Custom("BARRIER=1")], &[theirs.as_fd()])?;
    drop(theirs);
    let mut asked = [libc::pollfd {
        fd: ours.as_raw_fd(),
        events: 0,
        revents: 0,
    }];
    match super::poll(&mut asked, Some(BARRIER_TIMEOUT)) {
        0 => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer in {} s", BARRIER_TIMEOUT.as_secs()),
        )),
        _ => Ok(()),
    }
}

/// Locks the store; no code that holds the lock panics half way.
fn lock() -> MutexGuard<'static, Store> {
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}
