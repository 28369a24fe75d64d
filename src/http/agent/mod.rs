//! AGENT: the HTTP client for our own questions to Ollama, Loki and other taps. `forward` configures its connections in the same way.

mod connector;
mod error;
mod resolver;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, KeyProvider, ring};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use ureq::Agent;
use ureq::config::{AutoHeaderValue, Config};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::{Connector, DefaultConnector};

use self::connector::AddressReporting;
pub use self::error::{StepError, UpstreamErrorKind, error_chain, lower_first};
pub use self::resolver::{NameResolver, addresses, is_local_address};
use crate::error::failed;
use crate::http::address::Upstream;

/// The `User-Agent` of our own requests.
pub const USER_AGENT: &str = concat!("ollama-tap/", env!("CARGO_PKG_VERSION"));

/// An idle connection to Ollama is kept this long; Ollama itself never closes one.
const MAX_IDLE_AGE: Duration = Duration::from_secs(300);

/// The size of each of the two buffers above TLS (bytes), which do not grow: a head must fit.
const TLS_BUFFER_SIZE: usize = 64 * 1024;

/// A PEM file with further roots for https, beside the public ones.
const ENV_CERT_FILE: &str = "SSL_CERT_FILE";

/// The public roots.
static PUBLIC_ROOTS: LazyLock<Arc<Vec<Certificate<'static>>>> =
    LazyLock::new(|| Arc::new(public_roots().collect()));

/// The ciphers of https. Nothing of ours proves who it is by a certificate, and what would sign for one is a good part of all.
static CIPHERS: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        key_provider: &NoKeys,
        ..ring::default_provider()
    })
});

/// Loads no key of a client.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("no key of a client is used".into()))
    }
}

pub type ConfigBuilder = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

/// The server that requests go to, and the certificates that prove it.
#[derive(Clone, Debug)]
pub struct Target {
    pub upstream: Upstream,
    pub roots: Option<Arc<Vec<Certificate<'static>>>>,
}

impl Target {
    /// The target at `upstream`, with the public roots alone.
    pub fn new(upstream: Upstream) -> Target {
        Target {
            upstream,
            roots: None,
        }
    }

    /// The target at `upstream`, with the roots that the environment adds for https. Fails if those cannot be read.
    pub fn of(upstream: &Upstream) -> crate::error::Result<Target> {
        let path = std::env::var(ENV_CERT_FILE)
            .ok()
            .filter(|path| upstream.is_https() && !path.is_empty());
        let roots = path.map(|path| {
            let step = || format!("read {ENV_CERT_FILE} {path}");
            let pem = std::fs::read(&path).map_err(failed(step()))?;
            roots_with(&pem).map_err(failed(step()))
        });
        Ok(Target {
            upstream: upstream.clone(),
            roots: roots.transpose()?,
        })
    }

    /// Settings that leave a request and its reply as they are: nothing is added, followed or decoded. A proxy of the environment is
    /// not used: it would divert loopback traffic.
    pub fn config(&self) -> ConfigBuilder {
        let roots = self.roots.as_ref().unwrap_or(&PUBLIC_ROOTS);
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::clone(roots)))
            .unversioned_rustls_crypto_provider(Arc::clone(&CIPHERS));
        Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(AutoHeaderValue::None)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .allow_non_standard_methods(true)
            .input_buffer_size(TLS_BUFFER_SIZE)
            .output_buffer_size(TLS_BUFFER_SIZE)
            .max_idle_age(MAX_IDLE_AGE)
            .tls_config(tls.build())
    }

    /// An agent for requests to this target, with the settings of `config` as `configure` changes them.
    pub fn agent(&self, configure: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Agent {
        self.agent_over(DefaultConnector::default(), configure)
    }

    /// An agent for single questions, each on a connection of its own and answered within `timeout`. A status of 400 or more is an error.
    pub fn query_agent(&self, timeout: Duration) -> Agent {
        self.agent_over(AddressReporting(DefaultConnector::default()), |config| {
            config
                .http_status_as_error(true)
                .timeout_global(Some(timeout))
                .max_idle_connections(0) // a kept one may have died, and questions are rare
                .user_agent(USER_AGENT)
        })
    }

    /// An agent for questions to this target over a connector of the caller.
    pub fn agent_over(
        &self,
        connector: impl Connector,
        configure: impl FnOnce(ConfigBuilder) -> ConfigBuilder,
    ) -> Agent {
        Agent::with_parts(configure(self.config()).build(), connector, NameResolver)
    }
}

fn public_roots() -> impl Iterator<Item = Certificate<'static>> {
    let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    certificates.map(|der| Certificate::from_der(der))
}

/// The certificates of a PEM file, in addition to the public ones.
fn roots_with(pem: &[u8]) -> Result<Arc<Vec<Certificate<'static>>>, ureq::Error> {
    let mut roots: Vec<Certificate> = public_roots().collect();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item? {
            roots.push(certificate);
        }
    }
    Ok(Arc::new(roots))
}
