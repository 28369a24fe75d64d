//! The filter `client=NAME`, `NAME@IP` or `@IP`.

use std::net::IpAddr;

use super::UNKNOWN_NAME;
use crate::history::record::RecordSummary;

/// A client that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFilter {
    /// `Record::client`; `None` for every client of an address.
    pub name: Option<String>,
    /// As records have it.
    pub ip: Option<String>,
}

impl ClientFilter {
    /// Reads a filter. A name may have an @ itself: what follows the last is an address, or belongs
    /// to the name.
    pub fn parse(text: &str) -> ClientFilter {
        let parts = text.rsplit_once('@').and_then(|(name, ip)| {
            let ip: IpAddr = ip.parse().ok()?;
            Some((name, ip.to_canonical().to_string()))
        });
        let (name, ip) = match parts {
            Some((name, ip)) => (name, Some(ip)),
            None => (text, None),
        };
        ClientFilter {
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            ip,
        }
    }

    /// Returns the text that `parse` reads.
    pub fn text(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        let ip = self.ip.iter().map(|ip| format!("@{ip}"));
        ip.fold(name.to_owned(), |text, ip| text + &ip)
    }

    pub fn matches(&self, summary: &RecordSummary) -> bool {
        let name = summary.client.as_deref().unwrap_or(UNKNOWN_NAME);
        self.name.as_deref().is_none_or(|wanted| wanted == name)
            && (self.ip.is_none() || self.ip.as_deref() == summary.client_ip.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_follows_the_name() {
        for (text, name, ip) in [
            ("curl", Some("curl"), None),
            (
                "Open WebUI@192.0.2.7",
                Some("Open WebUI"),
                Some("192.0.2.7"),
            ),
            ("curl@::ffff:192.0.2.7", Some("curl"), Some("192.0.2.7")),
            ("ann@example.org", Some("ann@example.org"), None),
            ("ann@example.org@::1", Some("ann@example.org"), Some("::1")),
            ("@192.0.2.7", None, Some("192.0.2.7")),
        ] {
            let filter = ClientFilter::parse(text);
            assert_eq!((filter.name.as_deref(), filter.ip.as_deref()), (name, ip));
            assert_eq!(ClientFilter::parse(&filter.text()), filter);
        }
    }
}
