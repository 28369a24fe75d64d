//! The names of types: in all of `src` one name stands for one thing.

use std::collections::{BTreeMap, BTreeSet};

use super::sources;

/// Names that may stand for more than one type: every module has a right to its own error.
const SHARED: [&str; 2] = ["Error", "Result"];

/// The name of a type that other files can see, where this line defines one.
fn visible_type(line: &str) -> Option<&str> {
    let line = line
        .trim_start()
        .strip_prefix("pub")
        .filter(|rest| !rest.contains('$'))?;
    let line = line
        .strip_prefix('(')
        .map_or(Some(line), |scope| Some(scope.split_once(')')?.1))?;
    let mut words = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    let kind = words.find(|word| !["unsafe", "auto"].contains(word))?;
    ["struct", "enum", "trait", "type", "union"]
        .contains(&kind)
        .then(|| words.next())
        .flatten()
}

/// Where a name may be there again: the same face for each system, or the shape of one dialect.
fn is_twin(one: &str, other: &str) -> bool {
    ["src/platform/", "/dialect/"]
        .iter()
        .any(|folder| one.contains(folder) && other.contains(folder))
}

/// Returns whether this source is compiled for tests alone.
pub fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.contains("_tests/") || path.ends_with("/tests.rs")
}

#[test]
fn a_type_that_other_files_see_has_a_name_of_its_own() {
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources("src")
        .into_iter()
        .filter(|(path, _)| !is_test(path))
    {
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        for name in code.lines().filter_map(visible_type) {
            types
                .entry(name.to_owned())
                .or_default()
                .insert(path.clone());
        }
    }
    assert!(types.len() > 100, "only {} types were found", types.len());
    let mut shared = Vec::new();
    for (name, paths) in types {
        let paths = Vec::from_iter(paths);
        let is_one_thing = paths
            .iter()
            .all(|path| path == &paths[0] || is_twin(path, &paths[0]));
        if !is_one_thing && !SHARED.contains(&name.as_str()) {
            shared.push(format!("{name}: {}", paths.join(", ")));
        }
    }
    assert!(
        shared.is_empty(),
        "one name, several types:\n{}",
        shared.join("\n")
    );
}
