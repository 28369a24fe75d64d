//! The table of flags and their variables, against what is read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;

use super::*;
use crate::cli::definition;
use crate::cli::{Command, Invocation, parse};

/// The variables that are asked for with these arguments.
fn asked(args: &[&str]) -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    let get_env = |name: &str| {
        names.borrow_mut().insert(name.to_owned());
        None
    };
    let Invocation::Run(command) = parse(args.iter().map(OsString::from)) else {
        panic!("{args:?}")
    };
    match *command {
        Command::Serve(args) => drop(ServeConfig::resolve(&args, &get_env)),
        Command::Proxy(args) => drop(Config::resolve(
            &args,
            ListenAddress::proxy_default(),
            &get_env,
        )),
        other => panic!("{other:?}"),
    }
    names.into_inner()
}

#[test]
fn a_flag_takes_the_place_of_its_variables_and_of_no_others() {
    let mut seen = BTreeSet::new();
    // Where `serve` listens, and what it starts, Ollama's own variable says too.
    for command in ["proxy", "serve"] {
        let all = asked(&[command]);
        for flag in definition::find(&[command]).0.flags {
            if flag.long == "--help" || !seen.insert(flag.long) {
                continue;
            }
            let rest = asked(&[command, flag.long, "1"]);
            let replaced: BTreeSet<&str> = all.difference(&rest).map(String::as_str).collect();
            let listed = VARIABLES_OF_FLAGS
                .iter()
                .find(|(name, _)| *name == flag.long);
            let listed = listed.map(|(_, names)| names.iter().copied().collect());
            assert_eq!(Some(replaced), listed, "{command} {}", flag.long);
        }
    }
    assert_eq!(seen.len(), VARIABLES_OF_FLAGS.len());
}
