//! The order of the rooms of `src`: each imports only rooms below it.

use super::type_names::is_test;
use super::{read, sources};

/// The names after `crate::` in a line of code: one, or several in braces.
fn imports(code: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let starts = code.split("crate::").skip(1);
    let names = |rest| match str::strip_prefix(rest, '{') {
        Some(group) => group.split([',', '{']).collect(),
        None => vec![rest],
    };
    let names = starts.flat_map(names).map(str::trim_start);
    names
        .filter_map(|name: &str| name.split(|c| !is_word(c)).next())
        .collect()
}

#[test]
fn a_room_imports_only_rooms_below_it() {
    let main = read("src/main.rs");
    let rooms: Vec<&str> = main
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let floor = |room: &str| rooms.iter().position(|name| *name == room);
    let mut upwards = Vec::new();
    for (path, text) in sources("src")
        .into_iter()
        .filter(|(path, _)| !is_test(path))
    {
        let room = path
            .trim_start_matches("src/")
            .split(['/', '.'])
            .next()
            .unwrap_or_default();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            let above = imports(line)
                .into_iter()
                .filter(|name| floor(name) < floor(room) && floor(name).is_some());
            upwards.extend(above.map(|name| format!("{path} imports {name}")));
        }
    }
    assert!(upwards.is_empty(), "{}", upwards.join("\n"));
}
