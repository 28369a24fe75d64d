//! The script for fish, from 3.0 on.

use super::{Tables, function};
use crate::cli::PROGRAM_NAME;

pub fn script(tables: &Tables) -> String {
    let (function, paths, switches) = (function(), tables.paths(" "), tables.switches(" "));
    let (files, directories) = tables.path_flags(" ");
    let mut values = String::new();
    for (flag, words) in tables.known_values() {
        values += &format!(
            "            case {flag}\n                printf \"$prefix%s\\n\" {}\n",
            words.join(" ")
        );
    }
    let mut offers = String::new();
    for (path, known) in &tables.commands {
        offers += &format!("        case '{path}'\n");
        for offer in known {
            let about = offer.about.replace('\\', "\\\\").replace('\'', "\\'");
            offers += &format!(
                "            printf '%s\\t%s\\n' '{}' '{about}'\n",
                offer.word
            );
        }
    }
    format!(
        r#"# completion of {PROGRAM_NAME} for fish

function {function}
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l path ''
    set -l flag ''
    set -l prefix ''
    for word in $words[2..-1]
        if test -n "$flag"
            set flag ''
            continue
        end
        switch $word
            case --
                __fish_complete_path $current
                return
            case {switches} '--*=*'
            case '-*'
                set flag $word
            case '*'
                set -l next (string trim "$path $word")
                if contains -- $next {paths}
                    set path $next
                else if test "$next" = start
                    set path serve
                else if test -z "$path"
                    __fish_complete_path $current
                    return
                end
        end
    end
    if test -z "$flag"; and string match -q -- '--*=*' $current
        set flag (string split -m 1 = -- $current)[1]
        set prefix "$flag="
    end
    if test -n "$flag"
        switch $flag
{values}            case {files}
                __fish_complete_path $current
            case {directories}
                __fish_complete_directories $current ''
        end
        return
    end
    switch $path
{offers}    end
end

complete -c {PROGRAM_NAME} -f -a '({function})'
"#
    )
}
