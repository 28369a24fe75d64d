//! Resolves names to addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::{StepError, UpstreamErrorKind};

/// The capacity of ureq's own list of addresses.
const ADDRESSES_MAX: usize = 16;

/// Resolves names by `addresses`.
#[derive(Debug)]
pub struct NameResolver;

impl Resolver for NameResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut found = self.empty();
        let default_port = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(default_port);
        let host = uri.host().unwrap_or_default();
        let all = addresses(host, port).map_err(|e| {
            StepError::wrap(UpstreamErrorKind::Resolve, format!("look up {host}"), e)
        })?;
        for address in all.into_iter().take(ADDRESSES_MAX) {
            found.push(address);
        }
        if found.is_empty() {
            Err(Error::HostNotFound)
        } else {
            Ok(found)
        }
    }
}

/// Returns whether the address belongs to this machine: only those can be bound.
pub fn is_local_address(address: &SocketAddr) -> bool {
    UdpSocket::bind((address.ip(), 0)).is_ok()
}

/// Resolves `host`, in the same way for every part of the tap. `localhost` needs neither a file nor a server; IPv4 comes first, where
/// Ollama listens.
pub fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ]);
    }
    Ok((host, port).to_socket_addrs()?.collect())
}
