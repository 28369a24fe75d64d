//! The settings of `serve`: those of a tap, and of the Ollama that it starts behind it.

use std::path::PathBuf;

use super::resolver::Resolver;
use super::settings::BadValue;
use super::tap::Config;
use super::variables::*;
use crate::cli::{ProxyArgs, ServeArgs};
use crate::http::address::{ListenAddress, Upstream};

/// The settings of `serve`. Not `Debug`: it holds the token.
#[derive(Clone)]
pub struct ServeConfig {
    /// The upstream is yet to be decided: it is the port that the backend gets.
    pub tap: Config,
    /// The address that clients dial; `None` for a port that the system is to choose.
    pub client_url: Option<Upstream>,
    /// Whether a flag or a variable names it.
    pub is_address_given: bool,
    /// `None`: the usual one, or the next that is free.
    pub backend_port: Option<u16>,
    /// `None`: wherever Ollama is.
    pub ollama: Option<PathBuf>,
}

impl ServeConfig {
    /// Resolves every setting of `serve`, or reports all bad values.
    pub fn resolve(
        args: &ServeArgs,
        get_env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<ServeConfig, Vec<BadValue>> {
        let mut resolver = Resolver {
            get_env,
            bad: Vec::new(),
            warnings: Vec::new(),
        };
        let listen = listen(&mut resolver, &args.listen);
        let client_url = client_url(&resolver, &args.listen, &listen);
        let address_sources = [
            (&args.listen, ENV_LISTEN),
            (&None, ENV_PROXY_PORT),
            (&None, ENV_UPSTREAM),
        ];
        let is_address_given = address_sources
            .into_iter()
            .any(|(flag, variable)| resolver.is_given(("", flag), variable));
        let backend_port = backend_port(&mut resolver, &args.backend_port, listen.port);
        let ollama = resolver.read(("--ollama", &args.ollama), ENV_OLLAMA, "a path", |text| {
            (!text.is_empty()).then(|| PathBuf::from(text))
        });
        let tap = Config::read(
            &mut resolver,
            &ProxyArgs::from(args),
            listen,
            Upstream::default(),
        );
        if resolver.bad.is_empty() {
            Ok(ServeConfig {
                tap,
                client_url,
                is_address_given,
                backend_port,
                ollama,
            })
        } else {
            Err(resolver.bad)
        }
    }
}

/// Reads Ollama's own variable, where no setting of ours takes its place.
fn ollamas(resolver: &Resolver, flag: &Option<String>) -> Option<String> {
    let is_ours =
        resolver.is_given(("", flag), ENV_LISTEN) || resolver.is_given(("", &None), ENV_PROXY_PORT);
    resolver.variable(ENV_UPSTREAM).filter(|_| !is_ours)
}

/// Ollama's variable may say more than a listener has: a scheme, a path.
fn client_url(
    resolver: &Resolver,
    flag: &Option<String>,
    listen: &ListenAddress,
) -> Option<Upstream> {
    let parsed = ollamas(resolver, flag).and_then(|text| Upstream::parse(&text).ok());
    parsed
        .map(|(upstream, _)| upstream)
        .or_else(|| listen.dial_target())
}

/// The address where Ollama's clients look for it by default.
fn listen(resolver: &mut Resolver, flag: &Option<String>) -> ListenAddress {
    let default = ListenAddress::serve_default();
    let Some(text) = ollamas(resolver, flag) else {
        return resolver.listen(flag, default);
    };
    match ListenAddress::from_ollama_host(&text) {
        Ok((listen, warning)) => {
            resolver
                .warnings
                .extend(warning.map(|warning| format!("{ENV_UPSTREAM}=`{text}`: {warning}")));
            listen
        }
        Err(reason) => {
            resolver.reject(
                ENV_UPSTREAM,
                text,
                Some(reason),
                "HOST:PORT, HOST or :PORT of this machine",
            );
            default
        }
    }
}

fn backend_port(resolver: &mut Resolver, flag: &Option<String>, listened: u16) -> Option<u16> {
    const ACCEPTED: &str = "a port from 1 to 65535, other than the one that is listened on";
    resolver.read(
        ("--backend-port", flag),
        ENV_BACKEND_PORT,
        ACCEPTED,
        |text| {
            text.parse()
                .ok()
                .filter(|port| *port > 0 && *port != listened)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(args: &ServeArgs, env: &[(&str, &str)]) -> Result<ServeConfig, Vec<BadValue>> {
        ServeConfig::resolve(args, &|name| {
            env.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn listens(flag: &str, env: &[(&str, &str)]) -> String {
        let listen = Some(flag.to_owned()).filter(|text| !text.is_empty());
        let config = resolve(
            &ServeArgs {
                listen,
                ..ServeArgs::default()
            },
            env,
        );
        config
            .unwrap_or_else(|bad| panic!("{bad:?}"))
            .tap
            .listen
            .to_string()
    }

    #[test]
    fn it_listens_where_ollama_would_unless_told_otherwise() {
        assert_eq!(listens("", &[]), "127.0.0.1:11434");
        assert_eq!(listens("", &[("OLLAMA_HOST", "0.0.0.0")]), "[::]:11434");
        assert_eq!(listens("", &[("OLLAMA_HOST", ":1234")]), "[::]:1234");
        assert_eq!(
            listens("", &[("OLLAMA_HOST", "http://[::1]:7/x")]),
            "[::1]:7"
        );
        assert_eq!(
            listens("", &[("OLLAMA_HOST", "0.0.0.0"), ("PROXY_PORT", "81")]),
            "127.0.0.1:81"
        );
        assert_eq!(
            listens(
                "",
                &[
                    ("OLLAMA_HOST", "0.0.0.0"),
                    ("OLLAMA_TAP_LISTEN", "82"),
                    ("PROXY_PORT", "81")
                ]
            ),
            "127.0.0.1:82"
        );
        assert_eq!(
            listens(
                ":83",
                &[
                    ("OLLAMA_HOST", "nowhere at all"),
                    ("OLLAMA_TAP_LISTEN", "82")
                ]
            ),
            "[::]:83"
        );
    }

    #[test]
    fn clients_reach_it_where_they_are_told_to() {
        let client_url = |env: &[(&str, &str)]| {
            let config =
                resolve(&ServeArgs::default(), env).unwrap_or_else(|bad| panic!("{bad:?}"));
            config
                .client_url
                .map(|client_url| client_url.to_string())
                .unwrap_or_default()
        };
        assert_eq!(client_url(&[]), "http://127.0.0.1:11434");
        assert_eq!(
            client_url(&[("OLLAMA_HOST", "0.0.0.0:7")]),
            "http://127.0.0.1:7"
        );
        assert_eq!(
            client_url(&[("OLLAMA_HOST", "https://gpu.example/ollama")]),
            "https://gpu.example:443/ollama"
        );
        assert_eq!(
            client_url(&[("OLLAMA_HOST", "gpu"), ("OLLAMA_TAP_LISTEN", "[::]:82")]),
            "http://127.0.0.1:82"
        );
        assert_eq!(client_url(&[("OLLAMA_TAP_LISTEN", "0")]), "");
    }

    #[test]
    fn a_port_of_ollamas_variable_that_is_none_warns() {
        let config = resolve(&ServeArgs::default(), &[("OLLAMA_HOST", "localhost:66000")])
            .unwrap_or_else(|bad| panic!("{bad:?}"));
        assert_eq!(config.tap.listen.to_string(), "localhost:11434");
        assert_eq!(
            config.tap.warnings,
            ["OLLAMA_HOST=`localhost:66000`: `66000` is not a port from 0 to 65535; 11434 is used"]
        );
    }

    #[test]
    fn the_backend_is_where_it_is_told_to_be() {
        let env = [
            ("OLLAMA_BACKEND_PORT", "7"),
            ("OLLAMA_EXECUTABLE_PATH", "/opt/ollama"),
        ];
        let config = resolve(
            &ServeArgs {
                backend_port: Some("8".into()),
                ..ServeArgs::default()
            },
            &env,
        )
        .unwrap_or_else(|_| panic!());
        assert_eq!(
            (config.backend_port, config.ollama),
            (Some(8), Some(PathBuf::from("/opt/ollama")))
        );
        let config = resolve(&ServeArgs::default(), &[("OLLAMA_BACKEND_PORT", "")])
            .unwrap_or_else(|_| panic!());
        assert_eq!((config.backend_port, config.ollama), (None, None));
    }

    #[test]
    fn everything_bad_is_reported_at_once() {
        let args = ServeArgs {
            backend_port: Some("11434".into()),
            ollama: Some("".into()),
            ..ServeArgs::default()
        };
        let bad = resolve(&args, &[("OLLAMA_HOST", "ftp://x"), ("LOG_LEVEL", "loud")])
            .err()
            .expect("complaints");
        let names: Vec<&str> = bad.iter().map(|bad| bad.name).collect();
        assert_eq!(
            names,
            ["OLLAMA_HOST", "--backend-port", "--ollama", "LOG_LEVEL"]
        );
    }
}
