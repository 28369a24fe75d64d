//! What the terminal questions run with: where the history may be.

use super::settings::Settings;
use super::*; // the variables' names and the types they become
use crate::cli::PlaceArgs;
use crate::http::address::{OLLAMA_PORT, PORT_BESIDE_OLLAMA};

/// Where a tap listens when nobody says otherwise: `serve` and `demo`, then `proxy`.
const USUAL_PORTS: [u16; 2] = [OLLAMA_PORT, PORT_BESIDE_OLLAMA];

/// Settings of a terminal question. Not `Debug`: it holds the token.
pub struct Question {
    pub place: Place,
    /// Where a running tap was said to be: looked at before all others.
    pub named: Vec<Upstream>,
    /// Where taps usually are, the likeliest first; none where one was told to listen elsewhere.
    pub usual: Vec<Upstream>,
    pub token: Option<String>,
    /// What the history is kept in, where that was said.
    pub backend: Option<Backend>,
    pub history: History,
}

/// Where to look for the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the store that was named, and nowhere else.
    Store,
    /// At the running tap that was named, and nowhere else.
    Tap,
    /// At a running tap, else in the usual directories.
    Anywhere,
}

impl Question {
    /// Resolves every setting of a question, or says all that is wrong.
    pub fn resolve(
        args: PlaceArgs,
        get_env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Question, Vec<BadValue>> {
        let mut s = Settings {
            get_env,
            bad: Vec::new(),
            warnings: Vec::new(),
        };
        let history = s.history(&ProxyArgs {
            analytics_backend: args.analytics_backend.clone(),
            analytics_dir: args.analytics_dir.clone(),
            loki_url: args.loki_url.clone(),
            ..ProxyArgs::default()
        });
        let backend = s
            .is_given(("", args.analytics_backend), ENV_ANALYTICS_BACKEND)
            .then_some(history.backend);
        let place = place(&s, args, backend);
        let (named, usual) = taps(&mut s, args.listen);
        let question = Question {
            place,
            named,
            usual,
            token: s.token(args.token),
            backend,
            history,
        };
        if s.bad.is_empty() {
            Ok(question)
        } else {
            Err(s.bad)
        }
    }

    /// Where a tap is most likely to be; `None` for a port that the system is to choose.
    pub fn likeliest(&self) -> Option<&Upstream> {
        self.named.iter().chain(&self.usual).next()
    }

    /// Where a tap was looked for, for messages.
    pub fn addresses(&self) -> String {
        self.named
            .iter()
            .chain(&self.usual)
            .map(Upstream::authority)
            .collect::<Vec<_>>()
            .join(" or ")
    }
}

/// A flag wins over a variable here too: `--listen` over a directory that only a variable names.
fn place(s: &Settings, args: PlaceArgs, backend: Option<Backend>) -> Place {
    let is_loki = backend == Some(Backend::Loki);
    if args.analytics_dir.is_some() || (is_loki && args.analytics_backend.is_some()) {
        Place::Store
    } else if args.listen.is_some() {
        Place::Tap
    } else if is_loki || s.is_given(("", &None), ENV_ANALYTICS_DIR) {
        Place::Store
    } else {
        Place::Anywhere
    }
}

/// Where a tap was said to be, and where taps are when nothing is said. A flag says it all; of variables, that of its pages comes
/// first, and Ollama's may mean something else.
fn taps(s: &mut Settings, flag: &Option<String>) -> (Vec<Upstream>, Vec<Upstream>) {
    let is_given = s.is_given(("", flag), ENV_LISTEN) || s.is_given(("", &None), ENV_PROXY_PORT);
    let ollama = (!is_given && s.is_given(("", &None), ENV_UPSTREAM)).then(|| s.upstream(&None));
    let listen = s.listen(
        flag,
        Listen {
            host: "127.0.0.1".to_owned(),
            port: 0,
        },
    );
    let admin = if flag.is_none() {
        s.admin(&None, &listen).and_then(|admin| admin.dialled())
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
            Listen {
                port,
                ..listen.clone()
            }
            .dialled()
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

    fn resolve(args: &StatsArgs, env: &[(&str, &str)]) -> Result<Question, Vec<BadValue>> {
        let get = |name: &str| {
            env.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Question::resolve(args.place(), &get)
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

    fn place_of(dir: bool, listen: bool, backend: &str, env: &[(&str, &str)]) -> Place {
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
            .place
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
        assert_eq!(place_of(false, false, "", &[]), Place::Anywhere);
        assert_eq!(place_of(false, false, "sqlite", &[]), Place::Anywhere);
        assert_eq!(place_of(true, true, "", &[]), Place::Store);
        assert_eq!(place_of(false, false, "", &[dir]), Place::Store);
        assert_eq!(place_of(false, false, "", &loki), Place::Store);
        assert_eq!(place_of(false, true, "", &[dir]), Place::Tap);
        assert_eq!(place_of(false, true, "loki", &loki), Place::Store);
        assert_eq!(place_of(false, true, "", &loki), Place::Tap);
    }

    #[test]
    fn everything_bad_is_reported_at_once() {
        let args = StatsArgs {
            listen: Some("a b".to_owned()),
            token: Some("a b".to_owned()),
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
            ["ANALYTICS_BACKEND", "LOKI_URL", "--listen", "--token"]
        );
    }
}
