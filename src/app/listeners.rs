//! LISTENERS: the sockets that a tap listens on: those that were kept from the run before, or new ones.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};

use socket2::Socket;

use crate::config::Config;
use crate::error::{Result, failed};
use crate::http::address::ListenAddress;
use crate::ollama::port;
use crate::platform;
use crate::server;

/// The names that they are kept by.
const PUBLIC: &str = "listen";
const ADMIN: &str = "admin";

pub struct Listeners {
    pub public: TcpListener,
    pub address: SocketAddr,
    /// That of our own pages, where they have one.
    pub admin: Option<(TcpListener, SocketAddr)>,
}

impl Listeners {
    /// Takes the ports, so that nobody else has them; nothing is accepted yet.
    pub fn open(config: &Config) -> Result<Listeners> {
        let public = Wanted {
            name: PUBLIC,
            listen: &config.listen,
            addresses: port::tap_addresses(config)?,
        };
        let admin = config
            .admin
            .as_ref()
            .map(|listen| {
                Ok(Wanted {
                    name: ADMIN,
                    listen,
                    addresses: port::page_addresses(listen)?,
                })
            })
            .transpose()?;
        let mut kept = platform::socket_store::handed_over();
        let of_public = public.take_from(&mut kept);
        let of_admin = admin.as_ref().and_then(|admin| admin.take_from(&mut kept));
        let mut names: BTreeSet<String> = kept.iter().map(|(name, _)| name.clone()).collect();
        let misnamed = [(PUBLIC, &of_public), (ADMIN, &of_admin)]
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

    /// Where our own pages are, if not on the public port.
    pub fn admin_at(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, address)| *address)
    }

    /// Where our own pages are.
    pub fn pages_at(&self) -> SocketAddr {
        self.admin_at().unwrap_or(self.address)
    }
}

/// A socket that there is to be.
struct Wanted<'a> {
    name: &'static str,
    listen: &'a ListenAddress,
    addresses: Vec<SocketAddr>,
}

impl Wanted<'_> {
    /// Takes it out of what was kept: one by its name rather than another, and none that is not exactly what was asked for.
    fn take_from(&self, kept: &mut Vec<(String, Socket)>) -> Option<(String, Socket)> {
        kept.sort_by_key(|(name, _)| name != self.name);
        let index = kept
            .iter()
            .position(|(_, socket)| server::is_bound_to(socket, &self.addresses))?;
        Some(kept.remove(index))
    }

    /// Opens it where it was not kept, and has it kept from now on.
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
