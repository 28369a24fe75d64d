//! A request for one of the tap's own pages.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::server::RequestHead;

/// The head of a request for a page, and its sender.
#[derive(Clone, Copy)]
pub struct PageRequest<'a> {
    pub head: &'a RequestHead,
    pub peer: IpAddr,
}

impl PageRequest<'_> {
    pub fn target(&self) -> Cow<'_, str> {
        self.head.target_text()
    }

    /// Returns every name by which this machine was addressed, that of an absolute target among
    /// them.
    pub fn hosts(&self) -> Vec<String> {
        let of_target = self.head.target_host().map(lossy);
        self.values("host").into_iter().chain(of_target).collect()
    }

    /// Returns the values of a header. Bytes that are not UTF-8 become U+FFFD, so such a value
    /// equals none that is allowed.
    pub fn values(&self, name: &str) -> Vec<String> {
        self.head.values(name).map(lossy).collect()
    }

    /// Returns whether Accept-Encoding names gzip, and not with the weight 0.
    pub fn accepts_gzip(&self) -> bool {
        accepts_gzip(self.head.text("accept-encoding").unwrap_or_default())
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn accepts_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        name.eq_ignore_ascii_case("gzip") && !parts.any(is_weight_zero)
    })
}

fn is_weight_zero(parameter: &str) -> bool {
    let weight = parameter.strip_prefix("q=").map(str::parse::<f32>);
    weight == Some(Ok(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_if_the_client_accepts_it() {
        for accepted in ["gzip", "deflate, GZip;q=0.5"] {
            assert!(accepts_gzip(accepted), "{accepted}");
        }
        for refused in ["", "identity", "gzip;q=0", "x-gzip2"] {
            assert!(!accepts_gzip(refused), "{refused}");
        }
    }
}
