//! The commands that query the history from a terminal.
//!
//! argh cannot share fields between structs, so two macros do: `query_command!` adds the flags that say where the history is, and
//! `filtered_command!` those that say which records are meant.

use argh::{ArgsInfo, FromArgs};

/// A flag's name, and its value if it was given.
pub type Flag<'a> = (&'static str, &'a Option<String>);

/// The flags of every query that say where the history is.
#[derive(Clone, Copy)]
pub struct LocationArgs<'a> {
    pub listen: &'a Option<String>,
    pub token: &'a Option<String>,
    pub analytics_dir: &'a Option<String>,
    pub analytics_backend: &'a Option<String>,
    pub loki_url: &'a Option<String>,
    /// Not where the history is, but how its answer looks; every query has it too.
    pub color: &'a Option<String>,
}

impl<'a> LocationArgs<'a> {
    /// Only a tap answers it, with any backend of its history.
    pub fn of_tap(listen: &'a Option<String>) -> LocationArgs<'a> {
        LocationArgs {
            listen,
            token: &None,
            analytics_dir: &None,
            analytics_backend: &None,
            loki_url: &None,
            color: &None,
        }
    }
}

macro_rules! query_command {
    ($(#[$($of:tt)*])* pub struct $Name:ident { $($fields:tt)* }) => {
        #[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
        $(#[$($of)*])*
        #[argh(note = "Without --analytics-dir the running tap is asked; where there is none, ./ollama_analytics is read, else the history that a tap of yours wrote last, else that of the service.")]
        pub struct $Name {
            $($fields)*

            /// address of the running tap to ask (default the one that runs; of several that of port 11434, of 8000, or the newest)
            #[argh(option, arg_name = "ADDR")]
            pub listen: Option<String>,

            /// bearer token of the running tap
            #[argh(option, arg_name = "TEXT")]
            pub token: Option<String>,

            /// directory of the history, which is then read itself, whether a tap runs or not
            #[argh(option, arg_name = "DIR")]
            pub analytics_dir: Option<String>,

            /// backend of the history: jsonl, sqlite or loki (default: the one in the directory)
            #[argh(option, arg_name = "BACKEND")]
            pub analytics_backend: Option<String>,

            /// address of Loki, required by --analytics-backend loki
            #[argh(option, arg_name = "URL")]
            pub loki_url: Option<String>,

            /// colours: auto (on a terminal, by NO_COLOR, CLICOLOR and CLICOLOR_FORCE), always or never
            #[argh(option, arg_name = "WHEN")]
            pub color: Option<String>,
        }

        impl $Name {
            pub fn location(&self) -> LocationArgs<'_> {
                LocationArgs {
                    listen: &self.listen,
                    token: &self.token,
                    analytics_dir: &self.analytics_dir,
                    analytics_backend: &self.analytics_backend,
                    loki_url: &self.loki_url,
                    color: &self.color,
                }
            }
        }
    };
}

macro_rules! filtered_command {
    ($(#[$($of:tt)*])* pub struct $Name:ident { $($fields:tt)* }) => {
        query_command! {
            $(#[$($of)*])*
            pub struct $Name {
                $($fields)*

                /// only this model, by its exact name
                #[argh(option, arg_name = "MODEL")]
                pub model: Option<String>,

                /// only success, error or cancelled
                #[argh(option, arg_name = "STATUS")]
                pub status: Option<String>,

                /// only this category of prompts, such as question or code_write
                #[argh(option, arg_name = "CATEGORY")]
                pub category: Option<String>,

                /// only this endpoint, such as api/chat
                #[argh(option, arg_name = "ENDPOINT")]
                pub endpoint: Option<String>,

                /// only what taps on this machine wrote, by its name
                #[argh(option, arg_name = "NAME")]
                pub host: Option<String>,

                /// only what the taps wrote that listen on this port
                #[argh(option, arg_name = "PORT")]
                pub tap: Option<String>,

                /// only with a finding of this kind, such as context_cut, or context_cut:sure; any for every kind
                #[argh(option, arg_name = "KIND")]
                pub finding: Option<String>,

                /// only this client, by its name, or by NAME@IP
                #[argh(option, arg_name = "NAME")]
                pub client: Option<String>,

                /// only this conversation, by its session_id
                #[argh(option, arg_name = "ID")]
                pub session: Option<String>,

                /// only with this text in the prompt, the reply, its thinking or the error, in upper or lower case
                #[argh(option, arg_name = "TEXT")]
                pub q: Option<String>,

                /// only what took at least this long (seconds)
                #[argh(option, arg_name = "SECONDS")]
                pub min_duration: Option<String>,

                /// only what took at most this long (seconds)
                #[argh(option, arg_name = "SECONDS")]
                pub max_duration: Option<String>,

                /// only with at least this many generated tokens
                #[argh(option, arg_name = "N")]
                pub min_tokens: Option<String>,

                /// not before this time: 30m, 2h, 7d, yesterday, today 14:00, 2026-11-21 [09:17[:02]], RFC 3339 or Unix seconds; local where it names no zone
                #[argh(option, arg_name = "TIME")]
                pub since: Option<String>,

                /// not after this time, said in the same ways; a day counts to its end
                #[argh(option, arg_name = "TIME")]
                pub until: Option<String>,

                /// the same as --since
                #[argh(option, arg_name = "TIME")]
                pub start: Option<String>,

                /// the same as --until
                #[argh(option, arg_name = "TIME")]
                pub end: Option<String>,
            }
        }

        impl $Name {
            /// The flags that say which records are meant.
            pub fn filters(&self) -> [Flag<'_>; 17] {
                [
                    ("--model", &self.model),
                    ("--status", &self.status),
                    ("--category", &self.category),
                    ("--endpoint", &self.endpoint),
                    ("--host", &self.host),
                    ("--tap", &self.tap),
                    ("--finding", &self.finding),
                    ("--client", &self.client),
                    ("--session", &self.session),
                    ("--q", &self.q),
                    ("--min-duration", &self.min_duration),
                    ("--max-duration", &self.max_duration),
                    ("--min-tokens", &self.min_tokens),
                    ("--since", &self.since),
                    ("--until", &self.until),
                    ("--start", &self.start),
                    ("--end", &self.end),
                ]
            }
        }
    };
}

filtered_command! {
    /// Show how much was asked, how fast it was answered and what went wrong, by model and by category.
    #[argh(subcommand, name = "stats", help_triggers("--help", "-h", "help"))]
    pub struct StatsArgs {
        /// hours up to now, or to --until, that count (default 24)
        #[argh(option, arg_name = "HOURS")]
        pub hours: Option<String>,

        /// one table of the groups by this: hour, day, week, model, client, endpoint, category, status, session, version (of Ollama) or host
        #[argh(option, arg_name = "FIELD")]
        pub by: Option<String>,

        /// only prompts that have this text in them, in upper or lower case
        #[argh(option, arg_name = "TEXT")]
        pub search: Option<String>,

        /// print one JSON object, with more numbers than the table has
        #[argh(switch)]
        pub json: bool,
    }
}

filtered_command! {
    /// Show the newest requests whose prompt has TEXT in it, in upper or lower case; without TEXT, the newest of all.
    #[argh(subcommand, name = "search", help_triggers("--help", "-h"))]
    pub struct SearchArgs {
        /// text to find in prompts; several words count as one text
        #[argh(positional)]
        pub text: Vec<String>,

        /// how many to show, from 1 to 100 (default 10)
        #[argh(option, short = 'n', arg_name = "N")]
        pub limit: Option<String>,

        /// go on with each request once it is recorded, until Ctrl-C
        #[argh(switch, short = 'f')]
        pub follow: bool,

        /// what comes first: time (the newest, the default), duration or tokens (the most)
        #[argh(option, arg_name = "ORDER")]
        pub sort: Option<String>,

        /// only what follows the request with this id: the last one shown, to go on from there
        #[argh(option, arg_name = "ID")]
        pub before: Option<String>,

        /// print a JSON array of the whole records
        #[argh(switch)]
        pub json: bool,
    }
}

query_command! {
    /// Show one request whole: what was asked and answered, what its time went into, and what went wrong; without ID, the newest.
    #[argh(subcommand, name = "show", help_triggers("--help", "-h", "help"))]
    #[argh(note = "Ollama's own command of this name is `ollama-tap -- show MODEL`.")]
    pub struct ShowArgs {
        /// the request to show: its id, as `search` tells it, or as much of the id as no other has (4 characters at least)
        #[argh(positional, arg_name = "ID")]
        pub id: Option<String>,

        /// show its thinking whole
        #[argh(switch)]
        pub thinking: bool,

        /// show everything whole: thinking, the system's text, the calls of tools and their results
        #[argh(switch)]
        pub full: bool,

        /// print the whole record as one JSON object
        #[argh(switch)]
        pub json: bool,
    }
}

filtered_command! {
    /// Say why requests were slow or their replies wrong, what cost most first, each with its way out; with ID, what one request's time went into.
    #[argh(subcommand, name = "why", help_triggers("--help", "-h", "help"))]
    pub struct WhyArgs {
        /// the request to look at
        #[argh(positional)]
        pub id: Option<String>,

        /// hours up to now, or to --until, that count (default 24)
        #[argh(option, arg_name = "HOURS")]
        pub hours: Option<String>,

        /// only prompts that have this text in them, in upper or lower case
        #[argh(option, arg_name = "TEXT")]
        pub search: Option<String>,

        /// tell hidden findings too
        #[argh(switch)]
        pub all: bool,

        /// tell no more of the findings with this key, which stands below them
        #[argh(option, arg_name = "KEY")]
        pub hide: Option<String>,

        /// days that they stay hidden (default 30); 0 shows them again
        #[argh(option, arg_name = "DAYS")]
        pub days: Option<String>,

        /// print one JSON object
        #[argh(switch)]
        pub json: bool,
    }
}

filtered_command! {
    /// Write the whole history, or the part that is meant, oldest first.
    #[argh(subcommand, name = "export", help_triggers("--help", "-h", "help"))]
    pub struct ExportArgs {
        /// file to write, or to replace once all is written (default: standard output)
        #[argh(option, short = 'o', arg_name = "FILE")]
        pub output: Option<String>,

        /// json, csv or jsonl (default: what the name of FILE ends in, else jsonl)
        #[argh(option, arg_name = "FORMAT")]
        pub format: Option<String>,

        /// the same as --format json
        #[argh(switch)]
        pub json: bool,

        /// how many to write at most, the oldest of those that are meant (default all)
        #[argh(option, short = 'n', arg_name = "N")]
        pub limit: Option<String>,

        /// only prompts that have this text in them, in upper or lower case
        #[argh(option, arg_name = "TEXT")]
        pub search: Option<String>,
    }
}

filtered_command! {
    /// Delete history for good: some records, what matches, what is older than a time, or all of it. Asks first where it runs in a terminal.
    #[argh(subcommand, name = "purge", help_triggers("--help", "-h", "help"))]
    pub struct PurgeArgs {
        /// delete the records with these ids
        #[argh(positional, arg_name = "ID")]
        pub ids: Vec<String>,

        /// delete what arrived before this time, said as after --since
        #[argh(option, arg_name = "TIME")]
        pub before: Option<String>,

        /// delete everything
        #[argh(switch)]
        pub all: bool,

        /// do not ask
        #[argh(switch)]
        pub yes: bool,
    }
}
