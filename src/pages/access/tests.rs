//! The requests that may see the history, by their senders and names.

use super::*;

fn allowed(host: &str) -> bool {
    hosts_are_allowed([host].into_iter(), [127, 0, 0, 1].into(), &["mybox".into()])
}

#[test]
fn names_and_addresses_of_this_network_pass() {
    for host in [
        "localhost",
        "LOCALHOST:11434",
        "127.0.0.1",
        "127.9.9.9:1",
        "[::1]:8000",
        "::1",
        "10.0.0.7",
        "0.0.0.0:1",
        "mybox",
        "a.local",
        "x.localhost:1",
        "host.docker.internal",
        "localhost.",
        "localhost.:11434",
        "",
    ] {
        assert!(allowed(host), "{host}");
    }
}

#[test]
fn names_that_others_may_own_do_not_pass() {
    for host in [
        "evil.example",
        "evil.example:11434",
        "8.8.8.8",
        "localhost.evil.example",
        "notlocal",
        "mybox.example",
        "[2001:db8::1]",
    ] {
        assert!(!allowed(host), "{host}");
    }
}

#[test]
fn an_ambiguous_host_is_invalid() {
    for host in [
        "[::1].evil.com",
        "[::1]evil.com:1",
        "[127.0.0.1]evil.com",
        "[127.0.0.1]",
        "[localhost]",
        "localhost:evil.com",
        "localhost:80@evil.com",
        "localhost:80:90",
        "user@localhost",
        "evil.com/localhost",
        "localhost, evil.com",
        "localhost evil.com",
        "localhost#.evil.com",
        "[::1",
        "::1]",
        "localhost..",
        "evil.com\\.localhost",
    ] {
        assert!(!allowed(host), "{host}");
        assert!(
            AccessRequest {
                hosts: &[host],
                ..HERE
            }
            .check_access(None)
            .is_err(),
            "{host}"
        );
    }
    for host in [
        "localhost.",
        "localhost.:80",
        "localhost:",
        "127.0.0.1:11434",
        "[::1]",
        "[::1]:80",
        "::1",
    ] {
        assert!(allowed(host), "{host}");
        assert_eq!(
            AccessRequest {
                hosts: &[host],
                ..HERE
            }
            .check_access(None),
            Ok(()),
            "{host}"
        );
    }
}

const HERE: AccessRequest = AccessRequest {
    peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    hosts: &["localhost:11434"],
    origins: &[],
    sites: &[],
    authorization: None,
    is_forwarded: false,
};

#[test]
fn this_machine_reads_the_history_by_a_name_that_means_it() {
    for host in [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1:1",
        "127.9.9.9",
        "[::1]:8000",
        "tap.localhost",
        "[::ffff:127.0.0.1]",
    ] {
        assert_eq!(
            AccessRequest {
                hosts: &[host],
                ..HERE
            }
            .check_access(None),
            Ok(()),
            "{host}"
        );
    }
    assert_eq!(
        AccessRequest {
            peer: "::ffff:127.0.0.1".parse().unwrap(),
            ..HERE
        }
        .check_access(None),
        Ok(())
    );
    for host in [
        "evil.example:11434",
        "10.0.0.7",
        "mybox",
        "a.local",
        "0.0.0.0",
        "",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
    ] {
        assert!(
            AccessRequest {
                hosts: &[host],
                ..HERE
            }
            .check_access(None)
            .is_err(),
            "{host}"
        );
    }
    assert!(
        AccessRequest { hosts: &[], ..HERE }
            .check_access(None)
            .is_err()
    );
}

#[test]
fn other_machines_proxies_and_other_sites_do_not_read_the_history() {
    assert!(
        AccessRequest {
            peer: [10, 0, 0, 7].into(),
            ..HERE
        }
        .check_access(Some("t"))
        .is_err()
    );
    assert!(
        AccessRequest {
            is_forwarded: true,
            ..HERE
        }
        .check_access(None)
        .is_err()
    );
    assert_eq!(
        AccessRequest {
            origins: &["http://localhost:11434"],
            ..HERE
        }
        .check_access(None),
        Ok(())
    );
    for origin in [
        "http://evil.example",
        "null",
        "https://localhost:11434",
        "http://localhost:3000",
        "http://localhost",
        "",
    ] {
        assert!(
            AccessRequest {
                origins: &[origin],
                ..HERE
            }
            .check_access(None)
            .is_err(),
            "{origin}"
        );
    }
}

#[test]
fn each_value_of_a_repeated_header_counts() {
    let own = "http://localhost:11434";
    for hosts in [
        ["localhost:11434", "evil.example"],
        ["evil.example", "localhost:11434"],
    ] {
        assert!(
            AccessRequest {
                hosts: &hosts,
                ..HERE
            }
            .check_access(None)
            .is_err(),
            "{hosts:?}"
        );
        assert!(
            !hosts_are_allowed(hosts.into_iter(), [127, 0, 0, 1].into(), &[]),
            "{hosts:?}"
        );
    }
    for origins in [[own, "http://evil.example"], ["http://evil.example", own]] {
        assert!(
            AccessRequest {
                origins: &origins,
                ..HERE
            }
            .check_access(None)
            .is_err(),
            "{origins:?}"
        );
    }
    assert_eq!(
        AccessRequest {
            hosts: &["localhost:11434"; 2],
            origins: &[own; 2],
            ..HERE
        }
        .check_access(None),
        Ok(())
    );
    assert!(
        AccessRequest {
            hosts: &["localhost:11434", "127.0.0.1"],
            origins: &[own],
            ..HERE
        }
        .check_access(None)
        .is_err()
    );
}

#[test]
fn a_browser_on_a_page_of_another_site_does_not_read_the_history() {
    for (sites, may) in [
        (&["same-origin"][..], true),
        (&["none"], true),
        (&["cross-site"], false),
        (&["same-site"], false),
        (&["none", "cross-site"], false),
        (&["Same-Origin"], false),
        (&[""], false),
    ] {
        assert_eq!(
            AccessRequest { sites, ..HERE }.check_access(None).is_ok(),
            may,
            "{sites:?}"
        );
    }
}

#[test]
fn with_a_token_this_machine_needs_it_too() {
    assert!(HERE.check_access(Some("s3cret")).is_err());
    assert!(
        AccessRequest {
            authorization: Some("Bearer guess"),
            ..HERE
        }
        .check_access(Some("s3cret"))
        .is_err()
    );
    assert_eq!(
        AccessRequest {
            authorization: Some("Bearer s3cret"),
            ..HERE
        }
        .check_access(Some("s3cret")),
        Ok(())
    );
}

#[test]
fn the_right_token_lets_any_client_in() {
    let far = AccessRequest {
        peer: [10, 0, 0, 7].into(),
        hosts: &["tap.example"],
        origins: &["https://a"],
        sites: &["cross-site"],
        is_forwarded: true,
        ..HERE
    };
    for (given, right) in [
        ("Bearer s3cret", true),
        ("bearer  s3cret", true),
        ("Bearer s3cre", false),
        ("Basic s3cret", false),
        ("s3cret", false),
        ("Bearer ", false),
    ] {
        let request = AccessRequest {
            authorization: Some(given),
            ..far
        };
        assert_eq!(
            request.check_access(Some("s3cret")).is_ok(),
            right,
            "{given}"
        );
        assert!(request.check_access(None).is_err());
    }
}

#[test]
fn names_are_not_checked_beyond_loopback() {
    assert!(hosts_are_allowed(
        ["ollama-tap:8000"].into_iter(),
        [0, 0, 0, 0].into(),
        &[]
    ));
    assert!(hosts_are_allowed(
        [].into_iter(),
        [127, 0, 0, 1].into(),
        &[]
    ));
}
