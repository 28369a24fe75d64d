//! Resolves names to addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::{StepError, UpstreamErrorKind};
use crate::platform::sockets::ASKS_DNS_ALONE;

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
    let found = (host, port).to_socket_addrs();
    Ok(found
        .map_err(|cause| explained(host, ASKS_DNS_ALONE, cause))?
        .collect())
}

/// Names of `.local` are told by the machines themselves, by multicast (RFC 6762).
fn explained(host: &str, asks_dns_alone: bool, cause: io::Error) -> io::Error {
    let is_local_name = host
        .trim_end_matches('.')
        .to_ascii_lowercase()
        .ends_with(".local");
    if !(asks_dns_alone && is_local_name) {
        return cause;
    }
    let text = format!(
        "{cause}; a static executable asks DNS servers and /etc/hosts alone, which know no names of .local: write the machine's IP address, or a line for it in /etc/hosts"
    );
    io::Error::new(cause.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_only_multicast_knows_is_explained_where_nobody_asks_so() {
        let said = |host, asks_dns_alone| {
            explained(host, asks_dns_alone, io::Error::other("no such name")).to_string()
        };
        for host in ["gpu.local", "GPU.Local."] {
            assert!(said(host, true).contains("/etc/hosts"), "{host}");
            assert_eq!(said(host, false), "no such name");
        }
        for host in ["gpu", "local", "gpu.local.example", "gpulocal"] {
            assert_eq!(said(host, true), "no such name", "{host}");
        }
    }
}
