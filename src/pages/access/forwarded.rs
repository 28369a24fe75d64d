//! Headers that proxies add to the requests that they forward.

/// Returns whether a header of this name shows that a request was forwarded for another client. Beside the standard ones (RFC 7239,
/// RFC 9110 7.6.3) these are those of proxies, clouds and networks of caches.
pub fn is_of_a_proxy(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FORWARDED.contains(&&*name)
        || FORWARDED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

const FORWARDED: [&str; 16] = [
    "forwarded",
    "forwarded-for",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-host",
    "x-proxyuser-ip",
    "x-azure-clientip",
    "x-appengine-user-ip",
    "true-client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "do-connecting-ip",
    "client-ip",
    "cdn-loop",
];

/// `x-forwarded` stands alone, too.
const FORWARDED_PREFIXES: [&str; 5] = [
    "x-forwarded",
    "x-original-forwarded",
    "cf-",
    "x-envoy-",
    "tailscale-",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_proxies_add_are_recognized() {
        for name in [
            "Via",
            "Forwarded",
            "X-Forwarded-For",
            "x-forwarded-proto",
            "X-FORWARDED-HOST",
            "X-Forwarded",
            "X-Real-IP",
            "CF-Connecting-IP",
            "True-Client-IP",
            "CF-Ray",
        ] {
            assert!(is_of_a_proxy(name), "{name}");
        }
        for name in [
            "Host",
            "User-Agent",
            "X-Request-Id",
            "X-OpenWebUI-User-Name",
            "Viable",
            "X-Forward",
        ] {
            assert!(!is_of_a_proxy(name), "{name}");
        }
    }
}
