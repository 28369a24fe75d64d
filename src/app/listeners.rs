//! LISTENERS: the sockets that a tap listens on: new ones, or those that the service manager kept from the run before.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};

use socket2::Socket;

use crate::config::Config;
use crate::error::{Result, failed};
use crate::http::address::ListenAddress;
use crate::ollama::port;
use crate::platform;
use crate::server;

/// The names under which the service manager keeps them.
const PUBLIC_NAME: &str = "listen";
const ADMIN_NAME: &str = "admin";

pub struct Listeners {
    pub public: TcpListener,
    pub address: SocketAddr,
    /// The listener of our own pages, where they have one.
    pub admin: Option<(TcpListener, SocketAddr)>,
}

impl Listeners {
    /// Takes the ports, so that no other process can; nothing is accepted yet.
    pub fn open(config: &Config) -> Result<Listeners> {
        let public = WantedSocket {
            name: PUBLIC_NAME,
            listen: &config.listen,
            addresses: port::tap_addresses(config)?,
        };
        let admin = config
            .admin
            .as_ref()
            .map(|listen| {
                Ok(WantedSocket {
                    name: ADMIN_NAME,
                    listen,
                    addresses: port::page_addresses(listen)?,
                })
            })
            .transpose()?;
        let mut kept = platform::socket_store::handed_over();
        let of_public = public.take_from(&mut kept);
        let of_admin = admin.as_ref().and_then(|admin| admin.take_from(&mut kept));
        let mut names: BTreeSet<String> = kept.iter().map(|(name, _)| name.clone()).collect();
        let misnamed = [(PUBLIC_NAME, &of_public), (ADMIN_NAME, &of_admin)]
            .map(|(name, found)| found.as_ref().filter(|found| found.0 != name));
        names.extend(misnamed.into_iter().flatten().map(|found| found.0.clone()));
        // Before we bind: what is left may be what has our port.
        drop(kept);
        platform::socket_store::let_go(&names);
        let (public, address) = public.open(of_public)?;
        let admin = admin.map(|admin| admin.open(of_admin)).transpose()?;
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

/// A socket that is to be opened.
struct WantedSocket<'a> {
    name: &'static str,
    listen: &'a ListenAddress,
    addresses: Vec<SocketAddr>,
}

impl WantedSocket<'_> {
    /// Takes it out of the sockets that were kept, by its name if possible. Only one that is bound as wanted will do.
    fn take_from(&self, kept: &mut Vec<(String, Socket)>) -> Option<(String, Socket)> {
        kept.sort_by_key(|(name, _)| name != self.name);
        let index = kept
            .iter()
            .position(|(_, socket)| server::is_bound_to(socket, &self.addresses))?;
        Some(kept.remove(index))
    }

    /// Opens it where it was not kept, and has the service manager keep it from now on.
    fn open(self, found: Option<(String, Socket)>) -> Result<(TcpListener, SocketAddr)> {
        let opened = found.map_or_else(
            || server::bind(&self.addresses),
            |(_, socket)| server::listen(socket),
        );
        let socket = opened.map_err(|e| port::bind_error(self.listen, &e))?;
        let address = socket.local_addr().map_err(failed("ask where we listen"))?;
        platform::socket_store::keep(self.name, &socket);
        Ok((socket, address))
    }
}
