//! The settings of the commands that query the history: where it may be.

use super::resolver::Resolver;
use super::settings::{Backend, BadValue, HistoryConfig};
use super::variables::*;
use crate::cli::{LocationArgs, ProxyArgs};
use crate::http::address::{ListenAddress, OLLAMA_PORT, PROXY_DEFAULT_PORT, Upstream};
use crate::util::screen::ColorMode;

/// The default addresses of taps: `serve` and `demo`, then `proxy`.
const USUAL_PORTS: [u16; 2] = [OLLAMA_PORT, PROXY_DEFAULT_PORT];

/// The settings of a query. Not `Debug`: it holds the token.
pub struct QueryConfig {
    pub location: HistoryLocation,
    /// The address of a running tap, as set: asked before all others.
    pub named: Vec<Upstream>,
    /// The usual addresses of taps, the likeliest first; none where a setting names another.
    pub usual: Vec<Upstream>,
    pub token: Option<String>,
    /// The backend of the history, where it was set.
    pub backend: Option<Backend>,
    pub history: HistoryConfig,
    pub color: ColorMode,
}

/// The place to look for the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryLocation {
    /// In the store that was named, and nowhere else.
    Store,
    /// At the running tap that was named, and nowhere else.
    Tap,
    /// At a running tap, else in the usual directories.
    Anywhere,
}

impl QueryConfig {
    /// Resolves every setting of a query, or reports all bad values.
    pub fn resolve(
        args: LocationArgs,
        get_env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<QueryConfig, Vec<BadValue>> {
        let mut resolver = Resolver {
            get_env,
            bad: Vec::new(),
            warnings: Vec::new(),
        };
        let history = resolver.history(&ProxyArgs {
            analytics_backend: args.analytics_backend.clone(),
            analytics_dir: args.analytics_dir.clone(),
            loki_url: args.loki_url.clone(),
            ..ProxyArgs::default()
        });
        let backend = resolver
            .is_given(("", args.analytics_backend), ENV_ANALYTICS_BACKEND)
            .then_some(history.backend);
        let location = location(&resolver, args, backend);
        let (named, usual) = taps(&mut resolver, args.listen);
        let question = QueryConfig {
            location,
            named,
            usual,
            token: resolver.token(args.token),
            backend,
            history,
            color: color(&mut resolver, args.color),
        };
        if resolver.bad.is_empty() {
            Ok(question)
        } else {
            Err(resolver.bad)
        }
    }

    /// Returns the likeliest address of a tap; `None` for a port that the system is to choose.
    pub fn likeliest(&self) -> Option<&Upstream> {
        self.named.iter().chain(&self.usual).next()
    }

    /// Lists the addresses where a tap was looked for, for messages.
    pub fn addresses(&self) -> String {
        self.named
            .iter()
            .chain(&self.usual)
            .map(Upstream::authority)
            .collect::<Vec<_>>()
            .join(" or ")
    }
}

/// Reads when outputs are coloured, which no variable of ours says.
fn color(resolver: &mut Resolver, flag: &Option<String>) -> ColorMode {
    let Some(text) = flag else {
        return ColorMode::Auto;
    };
    text.trim().parse().unwrap_or_else(|()| {
        resolver.reject("--color", text.clone(), None, ColorMode::NAMES);
        ColorMode::Auto
    })
}

/// A flag wins over a variable here too: `--listen` over a directory that only a variable names.
fn location(resolver: &Resolver, args: LocationArgs, backend: Option<Backend>) -> HistoryLocation {
    let is_loki = backend == Some(Backend::Loki);
    if args.analytics_dir.is_some() || (is_loki && args.analytics_backend.is_some()) {
        HistoryLocation::Store
    } else if args.listen.is_some() {
        HistoryLocation::Tap
    } else if is_loki || resolver.is_given(("", &None), ENV_ANALYTICS_DIR) {
        HistoryLocation::Store
    } else {
        HistoryLocation::Anywhere
    }
}

/// Returns the tap's address as set, and the usual addresses if none is set. A flag decides alone; of variables, that of its pages comes
/// first, and Ollama's may mean something else.
fn taps(resolver: &mut Resolver, flag: &Option<String>) -> (Vec<Upstream>, Vec<Upstream>) {
    let is_given =
        resolver.is_given(("", flag), ENV_LISTEN) || resolver.is_given(("", &None), ENV_PROXY_PORT);
    let ollama = (!is_given && resolver.is_given(("", &None), ENV_UPSTREAM))
        .then(|| resolver.upstream(&None));
    let listen = resolver.listen(
        flag,
        ListenAddress {
            host: "127.0.0.1".to_owned(),
            port: 0,
        },
    );
    let admin = if flag.is_none() {
        resolver
            .admin(&None, &listen)
            .and_then(|admin| admin.dial_target())
    } else {
        None
    };
    let ports = if listen.port == 0 {
        USUAL_PORTS.to_vec()
    } else {
        vec![listen.port]
    };
    let dialled: Vec<Upstream> = ports
        .into_iter()
        .filter_map(|port| {
            ListenAddress {
                port,
                ..listen.clone()
            }
            .dial_target()
        })
        .collect();
    let named: Vec<Upstream> = admin.into_iter().chain(ollama).collect();
    if is_given {
        return ([named, dialled].concat(), Vec::new());
    }
    let usual = dialled
        .into_iter()
        .filter(|usual| !named.contains(usual))
        .collect();
    (named, usual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::StatsArgs;

    fn resolve(args: &StatsArgs, env: &[(&str, &str)]) -> Result<QueryConfig, Vec<BadValue>> {
        let get = |name: &str| {
            env.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        QueryConfig::resolve(args.location(), &get)
    }

    fn taps(listen: &str, env: &[(&str, &str)]) -> Vec<String> {
        let listen = Some(listen.to_owned()).filter(|text| !text.is_empty());
        let question = resolve(
            &StatsArgs {
                listen,
                ..StatsArgs::default()
            },
            env,
        );
        let question = question.unwrap_or_else(|bad| panic!("{bad:?}"));
        let usual = question
            .usual
            .iter()
            .map(|usual| format!("({})", usual.authority()));
        question
            .named
            .iter()
            .map(Upstream::authority)
            .chain(usual)
            .collect()
    }

    fn place_of(dir: bool, listen: bool, backend: &str, env: &[(&str, &str)]) -> HistoryLocation {
        let some = |is_there: bool| is_there.then(|| "7777".to_owned());
        let backend = Some(backend.to_owned()).filter(|text| !text.is_empty());
        let args = StatsArgs {
            analytics_dir: some(dir),
            listen: some(listen),
            analytics_backend: backend,
            ..StatsArgs::default()
        };
        resolve(&args, env)
            .unwrap_or_else(|bad| panic!("{bad:?}"))
            .location
    }

    #[test]
    fn a_tap_is_looked_for_where_one_was_told_to_listen() {
        assert_eq!(taps("", &[]), ["(127.0.0.1:11434)", "(127.0.0.1:8000)"]);
        assert_eq!(
            taps("", &[("OLLAMA_HOST", "gpu:9")]),
            ["gpu:9", "(127.0.0.1:11434)", "(127.0.0.1:8000)"]
        );
        assert_eq!(
            taps("", &[("OLLAMA_HOST", "0.0.0.0")]),
            ["127.0.0.1:11434", "(127.0.0.1:8000)"]
        );
        assert_eq!(
            taps("", &[("OLLAMA_HOST", "gpu"), ("PROXY_PORT", "81")]),
            ["127.0.0.1:81"]
        );
        assert_eq!(
            taps(
                "",
                &[("OLLAMA_TAP_LISTEN", "[::]:82"), ("PROXY_PORT", "81")]
            ),
            ["127.0.0.1:82"]
        );
        assert_eq!(taps("83", &[("OLLAMA_TAP_LISTEN", "82")]), ["127.0.0.1:83"]);
        assert_eq!(taps("10.0.0.7", &[]), ["10.0.0.7:11434", "10.0.0.7:8000"]);
        assert_eq!(taps("0.0.0.0:8000", &[]), ["127.0.0.1:8000"]);
    }

    #[test]
    fn pages_that_were_given_a_port_of_their_own_are_looked_for_there() {
        let admin = ("OLLAMA_TAP_ADMIN_LISTEN", "0.0.0.0:9");
        assert_eq!(
            taps("", &[admin]),
            ["127.0.0.1:9", "(127.0.0.1:11434)", "(127.0.0.1:8000)"]
        );
        assert_eq!(
            taps("", &[admin, ("PROXY_PORT", "81")]),
            ["127.0.0.1:9", "127.0.0.1:81"]
        );
        assert_eq!(
            taps("83", &[admin]),
            ["127.0.0.1:83"],
            "another tap was meant"
        );
        assert_eq!(
            taps(
                "",
                &[("OLLAMA_TAP_ADMIN_LISTEN", "0"), ("PROXY_PORT", "81")]
            ),
            ["127.0.0.1:81"]
        );
    }

    #[test]
    fn what_is_named_is_looked_at_alone_and_flags_win_over_variables() {
        let dir = ("ANALYTICS_DIR", "history");
        let loki = [
            ("ANALYTICS_BACKEND", "loki"),
            ("LOKI_URL", "http://loki:3100"),
        ];
        assert_eq!(place_of(false, false, "", &[]), HistoryLocation::Anywhere);
        assert_eq!(
            place_of(false, false, "sqlite", &[]),
            HistoryLocation::Anywhere
        );
        assert_eq!(place_of(true, true, "", &[]), HistoryLocation::Store);
        assert_eq!(place_of(false, false, "", &[dir]), HistoryLocation::Store);
        assert_eq!(place_of(false, false, "", &loki), HistoryLocation::Store);
        assert_eq!(place_of(false, true, "", &[dir]), HistoryLocation::Tap);
        assert_eq!(place_of(false, true, "loki", &loki), HistoryLocation::Store);
        assert_eq!(place_of(false, true, "", &loki), HistoryLocation::Tap);
    }

    #[test]
    fn everything_bad_is_reported_at_once() {
        let args = StatsArgs {
            listen: Some("a b".to_owned()),
            token: Some("a b".to_owned()),
            color: Some("blue".to_owned()),
            ..StatsArgs::default()
        };
        let bad = resolve(
            &args,
            &[("ANALYTICS_BACKEND", "tape"), ("LOKI_URL", "loki")],
        )
        .err()
        .expect("complaints");
        let names: Vec<&str> = bad.iter().map(|bad| bad.name).collect();
        assert_eq!(
            names,
            [
                "ANALYTICS_BACKEND",
                "LOKI_URL",
                "--listen",
                "--token",
                "--color"
            ]
        );
    }
}
