//! The script for zsh, to be a file of $fpath or to be read.

use super::{Tables, function};
use crate::cli::PROGRAM_NAME;

pub fn script(tables: &Tables) -> String {
    let (function, paths, switches) = (function(), tables.paths("|"), tables.switches("|"));
    let (files, directories) = tables.path_flags("|");
    let mut values = String::new();
    for (flag, words) in tables.known_values() {
        values += &format!("            {flag}) offers=({}) ;;\n", words.join(" "));
    }
    let mut offers = String::new();
    for (path, known) in &tables.commands {
        let words = known.iter().map(|offer| {
            let about = offer.about.replace('\'', "'\\''");
            format!(" '{}:{about}'", offer.word)
        });
        offers += &format!(
            "            '{path}') offers=({} ) ;;\n",
            words.collect::<String>()
        );
    }
    format!(
        r#"#compdef {PROGRAM_NAME}
# completion of {PROGRAM_NAME} for zsh

{function}() {{
    local at='' flag='' is_over='' word
    local -a offers
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        if [[ -n $flag ]]; then
            flag=''
            continue
        fi
        case $word in
            (--) is_over=1; break ;;
            ({switches}) ;;
            (--*=*) ;;
            (-*) flag=$word ;;
            (*)
                case "${{at:+$at }}$word" in
                    ({paths}) at="${{at:+$at }}$word" ;;
                    (start) at=serve ;;
                    (*) [[ -n $at ]] || {{ is_over=1; break; }} ;;
                esac
                ;;
        esac
    done
    if [[ -z $flag && $PREFIX == --*=* ]]; then
        flag=${{PREFIX%%=*}}
        compset -P '*='
    fi
    if [[ -n $is_over ]]; then
        _files
    elif [[ -n $flag ]]; then
        case $flag in
{values}            {files}) _files; return ;;
            {directories}) _files -/; return ;;
        esac
        compadd -a offers
    else
        case $at in
{offers}        esac
        _describe -o {PROGRAM_NAME} offers
    fi
}}

if [[ $funcstack[1] == _{PROGRAM_NAME} ]]; then
    {function} "$@"
else
    compdef {function} {PROGRAM_NAME}
fi
"#
    )
}
