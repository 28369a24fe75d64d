//! The script for PowerShell, 5.1 of Windows included.

use super::{Tables, function};
use crate::cli::PROGRAM_NAME;

pub fn script(tables: &Tables) -> String {
    let paths = tables.paths(", ");
    let switches = format!("'{}'", tables.switches("', '"));
    let mut values = String::new();
    for (flag, words) in tables.known_values() {
        values += &format!("    '{flag}' = @('{}')\n", words.join("', '"));
    }
    let mut offers = String::new();
    for (path, known) in &tables.commands {
        let words = known.iter().map(|offer| {
            let about = offer.about.replace('\'', "''");
            format!("        '{}' = '{about}'\n", offer.word)
        });
        offers += &format!(
            "    '{path}' = [ordered]@{{\n{}    }}\n",
            words.collect::<String>()
        );
    }
    let name = function().trim_start_matches('_').to_owned();
    format!(
        r#"# completion of {PROGRAM_NAME} for PowerShell

$script:{name}_offers = @{{
{offers}}}
$script:{name}_values = @{{
{values}}}

Register-ArgumentCompleter -Native -CommandName '{PROGRAM_NAME}', '{PROGRAM_NAME}.exe' -ScriptBlock {{
    param($current, $line, $cursor)
    $paths = @({paths})
    $switches = @({switches})
    $words = @($line.CommandElements | Select-Object -Skip 1 | Where-Object {{ $_.Extent.EndOffset -lt $cursor }} | ForEach-Object {{ "$_" }})
    $path = ''
    $flag = ''
    foreach ($word in $words) {{
        if ($flag) {{ $flag = ''; continue }}
        if ($word -ceq '--') {{ return }}
        if ($switches -ccontains $word -or $word -like '--*=*') {{ continue }}
        if ($word -like '-*') {{ $flag = $word; continue }}
        $next = "$path $word".Trim()
        if ($paths -ccontains $next) {{ $path = $next }}
        elseif ($next -ceq 'start') {{ $path = 'serve' }}
        elseif (-not $path) {{ return }}
    }}
    if ($flag) {{
        $script:{name}_values[$flag] | Where-Object {{ $_ -and $_.StartsWith($current) }} |
            ForEach-Object {{ [Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }}
        return
    }}
    foreach ($offer in $script:{name}_offers[$path].GetEnumerator()) {{
        if (-not $offer.Key.StartsWith($current)) {{ continue }}
        $about = if ($offer.Value) {{ $offer.Value }} else {{ $offer.Key }}
        [Management.Automation.CompletionResult]::new($offer.Key, $offer.Key, 'ParameterValue', $about)
    }}
}}
"#
    )
}
