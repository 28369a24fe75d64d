//! The descriptor store of systemd.

use sd_notify::NotifyState::{Custom, FdName, FdStore, FdStoreRemove};
use socket2::Socket;
use std::collections::BTreeSet;
use std::io;
use std::mem;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, FromRawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// systemd lets go of a socket when its turn comes to read that it is to.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process has one such store.
static STORE: Mutex<Store> = Mutex::new(Store {
    handed_over: Vec::new(),
    names: BTreeSet::new(),
});

struct Store {
    /// What we found here at our start, with the names that it is kept by, and have not asked for yet.
    handed_over: Vec<(String, Socket)>,
    /// Of all that is kept.
    names: BTreeSet<String>,
}

/// Takes what systemd has handed over, and the variables that say so away from all that we start. Call it before the first thread
/// of ours starts.
pub fn take_over() {
    // SAFETY: no other thread runs yet that could read the environment at the same time.
    let found = unsafe { sd_notify::listen_fds_with_names_and_unset_env() };
    let mut store = lock();
    match found {
        Ok(found) => {
            for (descriptor, name) in found {
                store.names.insert(name.clone());
                // SAFETY: the descriptor is open, or there would be an error, and was passed to nobody but us, who are here once.
                store
                    .handed_over
                    .push((name, unsafe { Socket::from_raw_fd(descriptor) }));
            }
        }
        Err(cause) => eprintln!(
            "ollama-tap: take over the sockets that were handed to us: {cause}; none is used"
        ),
    }
}

/// What was handed over, by name; only once.
pub fn handed_over() -> Vec<(String, Socket)> {
    mem::take(&mut lock().handed_over)
}

/// Has a socket kept by this name, unless one is.
pub fn keep(name: &str, socket: &TcpListener) {
    if lock().names.insert(name.to_owned()) {
        let told = sd_notify::notify_with_fds(&[FdStore, FdName(name)], &[socket.as_fd()]);
        told.unwrap_or_else(|cause| log::warn!("have a socket kept over a restart: {cause}"));
    }
}

/// Has what is kept by these names kept no longer, and waits until that is so: before, the port is still taken.
pub fn let_go(names: &BTreeSet<String>) {
    if names.is_empty() {
        return;
    }
    lock().names.retain(|name| !names.contains(name));
    let told = names
        .iter()
        .try_for_each(|name| sd_notify::notify(&[FdStoreRemove, FdName(name)]));
    let heard = told.and_then(|()| wait_until_heard());
    heard.unwrap_or_else(|cause| log::warn!("have a socket kept no longer: {cause}"));
}

/// Has nothing kept any longer, so that who comes is refused.
pub fn let_go_of_all() {
    let names = lock().names.clone();
    drop(handed_over());
    let_go(&names);
}

/// Waits until systemd has read all that it was told: then it closes what goes with this message.
fn wait_until_heard() -> io::Result<()> {
    let (ours, theirs) = io::pipe()?;
    sd_notify::notify_with_fds(&[Custom("BARRIER=1")], &[theirs.as_fd()])?;
    drop(theirs);
    let mut asked = [libc::pollfd {
        fd: ours.as_raw_fd(),
        events: 0,
        revents: 0,
    }];
    match super::poll(&mut asked, Some(PATIENCE)) {
        0 => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer in {} s", PATIENCE.as_secs()),
        )),
        _ => Ok(()),
    }
}

/// Nothing that is done under this lock panics half way.
fn lock() -> MutexGuard<'static, Store> {
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}
