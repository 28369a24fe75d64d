//! Ports: the one that the tap listens on and the one that Ollama gets behind it; where one is taken, by whom and what to do.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::config::{Config, test_overrides};
use crate::error::{Error, Result};
use crate::http::address::{ListenAddress, Upstream};
use crate::http::agent::{self, is_local_address};
use crate::ollama::occupant::Occupant;
use crate::platform;
use crate::server;

/// The default port of the Ollama behind the tap.
pub const BACKEND_PORT: u16 = 11435;

/// The number of ports that are tried from there on.
const BACKEND_PORT_ATTEMPTS: u16 = 64;

/// Returns the addresses to bind for the tap.
pub fn tap_addresses(config: &Config) -> Result<Vec<SocketAddr>> {
    let wanted = addresses(&config.listen).map_err(|e| bind_error(&config.listen, &e))?;
    if config.listen.port == config.upstream.port && upstream_is_here(config, &wanted) {
        let text = format!(
            "listen on {}: the upstream {} is this very address",
            config.listen, config.upstream
        );
        return Err(Error::Usage(format!(
            "{text}; give another --listen, or where Ollama is with --upstream"
        )));
    }
    Ok(wanted)
}

/// Returns the addresses to bind for our own pages.
pub fn page_addresses(listen: &ListenAddress) -> Result<Vec<SocketAddr>> {
    addresses(listen).map_err(|e| bind_error(listen, &e))
}

/// Returns the addresses of this machine to bind for a listen address.
fn addresses(listen: &ListenAddress) -> io::Result<Vec<SocketAddr>> {
    agent::addresses(&listen.host, listen.port).map(server::on_this_machine)
}

/// Returns whether the upstream's name leads to one of the addresses we are about to listen on.
fn upstream_is_here(config: &Config, wanted: &[SocketAddr]) -> bool {
    let upstream =
        agent::addresses(&config.upstream.host, config.upstream.port).unwrap_or_default();
    upstream.iter().any(|there| {
        wanted
            .iter()
            .any(|here| here == there || here.ip().is_unspecified() && is_local_address(there))
    })
}

/// Returns whether this machine could listen there.
pub fn is_local_listen(listen: &ListenAddress) -> bool {
    addresses(listen).is_ok_and(|all| all.iter().any(is_local_address))
}

/// Words an error to listen there, with the way out.
pub fn bind_error(listen: &ListenAddress, cause: &io::Error) -> Error {
    let text = format!("listen on {listen}: {cause}");
    Error::Failed(match (cause.kind(), listen.dial_target()) {
        (ErrorKind::AddrInUse, Some(here)) => {
            let occupant = Occupant::probe(&here);
            let way_out = match occupant {
                Occupant::Ollama(_) => {
                    format!(
                        "stop it{}, tap it where it is with `ollama-tap proxy --upstream {here}`",
                        platform::ollama::STOP_OLLAMA
                    )
                }
                Occupant::Tap(_) => "use that one, or stop it".to_owned(),
                Occupant::Other | Occupant::None => "stop it".to_owned(),
            };
            format!(
                "{text}: the port is taken{}; {way_out}, or choose another port with --listen (OLLAMA_TAP_LISTEN)",
                describe_holder(listen.port, &occupant)
            )
        }
        (kind, Some(there)) if kind == ErrorKind::AddrNotAvailable || !is_local_listen(listen) => {
            format!(
                "{text}; this is not an address of this machine: tap an Ollama there with `ollama-tap proxy --upstream {there}`, or choose \
             another address with --listen"
            )
        }
        _ => format!("{text}; choose another address with --listen"),
    })
}

/// Names the process and the server that have a port, as far as the system and its answers tell.
fn describe_holder(port: u16, occupant: &Occupant) -> String {
    format!("{}{occupant}", by_holder(port))
}

/// Completes "the port is taken" with the process that has it; empty where the system does not tell.
pub fn by_holder(port: u16) -> String {
    platform::sockets::port_holder(port)
        .map(|holder| format!(" by {holder}"))
        .unwrap_or_default()
}

/// Returns the process that has the port of an address; `None` where the system does not tell, as of another machine.
pub fn holder_of(address: &Upstream) -> Option<String> {
    let addresses = agent::addresses(&address.host, address.port).ok()?;
    let is_here = addresses.iter().any(is_local_address);
    platform::sockets::port_holder(address.port).filter(|_| is_here)
}

/// Returns a port of 127.0.0.1 for the Ollama behind a tap that listens on `listened`: the wanted one and no other, else the default
/// or the next free one.
pub fn choose_backend_port(wanted: Option<u16>, listened: u16) -> Result<u16> {
    let default = test_overrides::BACKEND_PORT.get().unwrap_or(BACKEND_PORT);
    let first = wanted.unwrap_or(default);
    let Some(text) = backend_port_error(first) else {
        return Ok(first);
    };
    let next = (first..=first.saturating_add(BACKEND_PORT_ATTEMPTS))
        .skip(1)
        .find(|port| *port != listened && try_port(*port).is_ok());
    match (wanted, next) {
        (None, Some(port)) => {
            log::info!("{text}; ollama gets {port}");
            Ok(port)
        }
        (Some(_), _) | (None, None) => Err(Error::Failed(format!(
            "start ollama behind the tap: {text}; stop it, or choose another port with --backend-port"
        ))),
    }
}

/// Returns the reason that Ollama cannot listen on this port of 127.0.0.1; `None` where it can.
pub fn backend_port_error(port: u16) -> Option<String> {
    let cause = try_port(port).err()?;
    Some(match cause.kind() {
        ErrorKind::AddrInUse => format!(
            "the port {port} is taken{}",
            describe_holder(port, &Occupant::probe(&Upstream::loopback(port)))
        ),
        _ => format!("the port {port} cannot be used: {cause}"),
    })
}

fn try_port(port: u16) -> io::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop)
}
