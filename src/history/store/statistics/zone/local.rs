//! The zone of this machine's clock.

use std::path::Path;

use chrono::Local;

use super::Zone;

/// The system's choice of a zone: a link into the directory of all.
const LOCALTIME: &str = "/etc/localtime";

/// Returns the local zone as `Zone::parse` reads it: its name where the system tells it, else its present offset.
pub fn local_zone() -> String {
    let variable = std::env::var("TZ").ok();
    name(variable.as_deref(), Path::new(LOCALTIME))
        .filter(|name| Zone::parse(name).is_some())
        .unwrap_or_else(|| Local::now().format("%:z").to_string())
}

/// The variable goes before the link, which may go over others.
fn name(variable: Option<&str>, link: &Path) -> Option<String> {
    let file = match variable {
        Some(text) => text.strip_prefix(':').unwrap_or(text).to_owned(),
        None => std::fs::canonicalize(link).ok()?.to_str()?.to_owned(),
    };
    let name = file
        .split_once("zoneinfo/")
        .map(|(_, name)| name.to_owned());
    Some(name.unwrap_or(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_the_zone_else_the_link_does() {
        let nowhere = Path::new("/nowhere/localtime");
        for (variable, expected) in [
            ("Europe/Rome", "Europe/Rome"),
            (":America/New_York", "America/New_York"),
            ("/usr/share/zoneinfo/Asia/Kolkata", "Asia/Kolkata"),
        ] {
            assert_eq!(name(Some(variable), nowhere).as_deref(), Some(expected));
        }
        assert_eq!(name(None, nowhere), None);
    }

    #[test]
    fn the_local_zone_is_one_that_can_be_asked_for() {
        assert!(Zone::parse(&local_zone()).is_some());
    }
}
