//! The port that the tap listens on: taken first of all, or else who has it and what to do.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use crate::address::{Scheme, Upstream};
use crate::config::Config;
use crate::error::{Error, Result, failed};
use crate::forward::upstream::{Target, addresses};
use crate::listen;
use crate::ollama::Ollama;
use crate::platform;

/// Takes the port, so that nobody else has it; nothing is accepted yet.
pub fn bind(config: &Config) -> Result<TcpListener> {
    let wanted = addresses(&config.listen.host, config.listen.port).map_err(failed(&format!("listen on {}", config.listen)))?;
    if config.listen.port == config.upstream.port && upstream_is_here(config, &wanted) {
        let text = format!("listen on {}: the upstream {} is this very address", config.listen, config.upstream);
        return Err(Error::Usage(format!("{text}; give another --listen, or where Ollama is with --upstream")));
    }
    listen::bind(&wanted, config.idle_timeout).map_err(|e| unbound(config, &e))
}

/// Whether the upstream's name leads to one of the addresses we are about to listen on.
fn upstream_is_here(config: &Config, wanted: &[SocketAddr]) -> bool {
    let upstream = addresses(&config.upstream.host, config.upstream.port).unwrap_or_default();
    upstream.iter().any(|there| {
        // An address that can be bound is one of this machine's.
        let local = UdpSocket::bind((there.ip(), 0)).is_ok();
        wanted.iter().any(|here| here == there || here.ip().is_unspecified() && local)
    })
}

fn unbound(config: &Config, cause: &std::io::Error) -> Error {
    let text = format!("listen on {}: {cause}", config.listen);
    if cause.kind() != std::io::ErrorKind::AddrInUse {
        return Error::Failed(format!("{text}; choose another address with --listen"));
    }
    let holder = platform::port_holder(config.listen.port).map(|holder| format!(" by {holder}")).unwrap_or_default();
    let here = Upstream { scheme: Scheme::Http, port: config.listen.port, ..Default::default() };
    let ollama = match Ollama::new(&Target { upstream: here, roots: None }).version() {
        Ok(version) => format!(", where an Ollama {version} answers"),
        Err(_) => String::new(),
    };
    Error::Failed(format!("{text}: the port is taken{holder}{ollama}; stop it, or choose another port with --listen"))
}
