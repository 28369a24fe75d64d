//! The script for bash, 3.2 of macOS included.

use super::{Tables, function};
use crate::cli::PROGRAM_NAME;

pub fn script(tables: &Tables) -> String {
    let (function, paths, switches) = (function(), tables.paths("|"), tables.switches("|"));
    let (files, directories) = tables.path_flags("|");
    let mut values = String::new();
    for (flag, words) in tables.known_values() {
        values += &format!("            {flag}) offers='{}' ;;\n", words.join(" "));
    }
    let mut offers = String::new();
    for (path, known) in &tables.commands {
        let words: Vec<&str> = known.iter().map(|offer| offer.word.as_str()).collect();
        offers += &format!("            '{path}') offers='{}' ;;\n", words.join(" "));
    }
    // Readline takes `=` and `:` for words of their own: a value follows the one, and goes on behind the other.
    format!(
        r#"# completion of {PROGRAM_NAME} for bash

{function}() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" path='' flag='' offers='' paths='' is_over='' word i
    [ "$cur" != = ] || cur=''
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${{COMP_WORDS[i]}}"
        case "$word" in
            =) continue ;;
            :) flag='' && ((++i)) && continue ;;
        esac
        if [ -n "$flag" ]; then
            flag=''
            continue
        fi
        case "$word" in
            --) is_over=1; break ;;
            {switches} | --*=*) ;;
            -*) flag="$word" ;;
            *)
                case "${{path:+$path }}$word" in
                    {paths}) path="${{path:+$path }}$word" ;;
                    start) path=serve ;;
                    *) [ -n "$path" ] || {{ is_over=1; break; }} ;;
                esac
                ;;
        esac
    done
    if [ "$i" -gt "$COMP_CWORD" ] || [ "$cur" = : ]; then
        : # in the middle of an address
    elif [ -n "$is_over" ]; then
        paths=-f
    elif [ -n "$flag" ]; then
        case "$flag" in
{values}            {files}) paths=-f ;;
            {directories}) paths=-d ;;
        esac
    else
        case "$path" in
{offers}        esac
    fi
    if [ -n "$paths" ]; then
        ! type compopt >/dev/null 2>&1 || compopt -o filenames 2>/dev/null
        local IFS=$'\n'
        COMPREPLY=($(compgen "$paths" -- "$cur"))
    else
        COMPREPLY=($(compgen -W "$offers" -- "$cur"))
    fi
}}

complete -F {function} {PROGRAM_NAME}
"#
    )
}
