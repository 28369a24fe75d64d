//! The commands that run a tap, and the flags that they share.
//!
//! argh cannot share fields between structs, so `tap_command!` adds them, and `into_proxy_args!` hands them on: the settings of every tap are
//! resolved from what `proxy` would have been told.

use argh::{ArgsInfo, FromArgs};

macro_rules! tap_command {
    ($(#[$($of:tt)*])* pub struct $Name:ident { $($fields:tt)* }) => {
        #[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
        $(#[$($of)*])*
        #[argh(note = "A flag wins over its variable, and a variable over the default; an empty variable counts as unset.")]
        pub struct $Name {
            $($fields)*

            /// address of our own pages, /metrics among them (default none: they are on the port that is listened on)
            #[argh(option, arg_name = "ADDR")]
            pub admin_listen: Option<String>,

            /// requests forwarded at the same time (default 256)
            #[argh(option, arg_name = "N")]
            pub workers: Option<String>,

            /// seconds that streams may take to finish once we are told to stop (default 30)
            #[argh(option, arg_name = "SECONDS")]
            pub shutdown_grace: Option<String>,

            /// seconds until a client that neither sends nor takes anything is dropped (default 900; 0 = off)
            #[argh(option, arg_name = "SECONDS")]
            pub idle_timeout: Option<String>,

            /// how much to log: DEBUG, INFO, WARNING or ERROR (default INFO)
            #[argh(option, arg_name = "LEVEL")]
            pub log_level: Option<String>,

            /// whether embedding requests count in ollama_* metrics: true or false (default true)
            #[argh(option, arg_name = "BOOL")]
            pub track_embeddings: Option<String>,

            /// whether metrics tell prompts apart by category: true or false (default true; false: fewer series)
            #[argh(option, arg_name = "BOOL")]
            pub metrics_category: Option<String>,

            /// header whose value names a client in the history, such as X-OpenWebUI-User-Name (default none: its User-Agent does)
            #[argh(option, arg_name = "HEADER")]
            pub client_header: Option<String>,

            /// bearer token that everybody needs for the pages of the history (default none: this machine only, without one)
            #[argh(option, arg_name = "TEXT")]
            pub token: Option<String>,

            /// where the history goes: jsonl, sqlite, loki or none (default jsonl)
            #[argh(option, arg_name = "BACKEND")]
            pub analytics_backend: Option<String>,

            /// days that the history is kept (default 7; 0 = for ever)
            #[argh(option, arg_name = "DAYS")]
            pub retention_days: Option<String>,

            /// how much of prompts and replies the history keeps: full, preview or none (default full)
            #[argh(option, arg_name = "HOW_MUCH")]
            pub store_text: Option<String>,

            /// what this machine is called in the history (default its host name)
            #[argh(option, arg_name = "NAME")]
            pub name: Option<String>,

            /// address of Loki, required by --analytics-backend loki
            #[argh(option, arg_name = "URL")]
            pub loki_url: Option<String>,

            /// bytes that the history may take on disk (default 10737418240, 10 GiB; 0 = no limit)
            #[argh(option, arg_name = "BYTES")]
            pub analytics_max_bytes: Option<String>,
        }
    };
}

macro_rules! into_proxy_args {
    ($Name:ident: $($flag:ident)*) => {
        impl From<&$Name> for ProxyArgs {
            /// The flags that this command has in common with `proxy`.
            fn from(args: &$Name) -> ProxyArgs {
                ProxyArgs { $($flag: args.$flag.clone(),)* ..ProxyArgs::default() }
            }
        }
    };
    ($Name:ident) => {
        into_proxy_args! {
            $Name: listen admin_listen analytics_dir workers shutdown_grace idle_timeout log_level track_embeddings metrics_category client_header token
            analytics_backend name retention_days store_text loki_url analytics_max_bytes
        }
    };
}

pub(super) use {into_proxy_args, tap_command};

tap_command! {
    /// Tap an Ollama that already runs: forward every request to it, measure what makes a model work, and answer /metrics.
    #[argh(subcommand, name = "proxy", help_triggers("--help", "-h", "help"))]
    pub struct ProxyArgs {
        /// address to listen on: HOST:PORT, HOST, :PORT or PORT (default [::]:8000; port 0 lets the system choose)
        #[argh(option, arg_name = "ADDR")]
        pub listen: Option<String>,

        /// address of Ollama (default OLLAMA_HOST, else http://localhost:11434)
        #[argh(option, arg_name = "URL")]
        pub upstream: Option<String>,

        /// directory of the history (default ./ollama_analytics)
        #[argh(option, arg_name = "DIR")]
        pub analytics_dir: Option<String>,
    }
}

tap_command! {
    /// Start Ollama on a port of its own and answer in its place, measuring what makes a model work; both stop together. `ollama-tap` alone does the same, and so does `start`.
    #[argh(subcommand, name = "serve", help_triggers("--help", "-h", "help"))]
    pub struct ServeArgs {
        /// address to listen on (default OLLAMA_HOST, else 127.0.0.1:11434: where Ollama's clients look for it)
        #[argh(option, arg_name = "ADDR")]
        pub listen: Option<String>,

        /// port of 127.0.0.1 for Ollama itself (default 11435, or the next that is free)
        #[argh(option, arg_name = "PORT")]
        pub backend_port: Option<String>,

        /// the ollama to start (default the one on PATH, else in its usual places)
        #[argh(option, arg_name = "PATH")]
        pub ollama: Option<String>,

        /// directory of the history (default ./ollama_analytics)
        #[argh(option, arg_name = "DIR")]
        pub analytics_dir: Option<String>,
    }
}

tap_command! {
    /// Try everything with no model: tap a built-in stand-in for Ollama, whose every reply says that it is a demo's.
    #[argh(subcommand, name = "demo", help_triggers("--help", "-h", "help"))]
    pub struct DemoArgs {
        /// talk to it at once, and then a little now and again, so that there is something to see
        #[argh(switch)]
        pub traffic: bool,

        /// address to listen on: HOST:PORT, HOST, :PORT or PORT (default 127.0.0.1:11434, and a free port where that is taken)
        #[argh(option, arg_name = "ADDR")]
        pub listen: Option<String>,

        /// directory of the history (default: a temporary one, which is removed at the end)
        #[argh(option, arg_name = "DIR")]
        pub analytics_dir: Option<String>,
    }
}

into_proxy_args!(ServeArgs);
into_proxy_args!(DemoArgs);
