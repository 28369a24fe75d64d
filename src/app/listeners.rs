//! LISTENERS: the sockets that a tap listens on: new ones, or those that the service manager stored during the previous run.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};

use socket2::Socket;

use crate::config::Config;
use crate::error::{Result, failed};
use crate::http::address::ListenAddress;
use crate::ollama::port;
use crate::platform;
use crate::server;

/// The names under which the service manager stores them.
const PUBLIC_NAME: &str = "listen";
const ADMIN_NAME: &str = "admin";

pub struct Listeners {
    pub public: TcpListener,
    pub address: SocketAddr,
    /// The listener of our own pages, if they have one.
    pub admin: Option<(TcpListener, SocketAddr)>,
}

impl Listeners {
    /// Binds the ports, so that no other process can; nothing is accepted yet.
    pub fn open(config: &Config) -> Result<Listeners> {
        let public = SocketRequest {
            name: PUBLIC_NAME,
            listen: &config.listen,
            addresses: port::tap_addresses(config)?,
        };
        let admin = config
            .admin
            .as_ref()
            .map(|listen| {
                Ok(SocketRequest {
                    name: ADMIN_NAME,
                    listen,
                    addresses: port::page_addresses(listen)?,
                })
            })
            .transpose()?;
        let mut stored = platform::socket_store::take_inherited();
        let stored_public = public.take_from(&mut stored);
        let stored_admin = admin
            .as_ref()
            .and_then(|admin| admin.take_from(&mut stored));
        let mut names: BTreeSet<String> = stored.iter().map(|(name, _)| name.clone()).collect();
        let misnamed = [(PUBLIC_NAME, &stored_public), (ADMIN_NAME, &stored_admin)]
            .map(|(name, found)| found.as_ref().filter(|found| found.0 != name));
        names.extend(misnamed.into_iter().flatten().map(|found| found.0.clone()));
        // Before we bind: one of the remaining sockets may hold our port.
        drop(stored);
        platform::socket_store::remove(&names);
        let (public, address) = public.open(stored_public)?;
        let admin = admin.map(|admin| admin.open(stored_admin)).transpose()?;
        Ok(Listeners {
            public,
            address,
            admin,
        })
    }

    /// The address of our own pages, if they are not on the public port.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, address)| *address)
    }

    /// The address of our own pages.
    pub fn pages_address(&self) -> SocketAddr {
        self.admin_address().unwrap_or(self.address)
    }
}

/// A socket to be opened.
struct SocketRequest<'a> {
    name: &'static str,
    listen: &'a ListenAddress,
    addresses: Vec<SocketAddr>,
}

impl SocketRequest<'_> {
    /// Takes a matching socket out of the stored ones, by its name if possible.
    fn take_from(&self, stored: &mut Vec<(String, Socket)>) -> Option<(String, Socket)> {
        stored.sort_by_key(|(name, _)| name != self.name);
        let index = stored
            .iter()
            .position(|(_, socket)| server::is_bound_to(socket, &self.addresses))?;
        Some(stored.remove(index))
    }

    /// Opens the socket unless it was `stored`, and has the service manager store it from now on.
    fn open(self, stored: Option<(String, Socket)>) -> Result<(TcpListener, SocketAddr)> {
        let listener = stored.map_or_else(
            || server::bind(&self.addresses),
            |(_, socket)| server::listen(socket),
        );
        let socket = listener.map_err(|e| port::bind_error(self.listen, &e))?;
        let address = socket
            .local_addr()
            .map_err(failed("read the address of the listener"))?;
        platform::socket_store::store(self.name, &socket);
        Ok((socket, address))
    }
}
