//! What the service manager knows of our service: which executable it starts, as whom, and whether it does so now.

use std::path::{Path, PathBuf};

use super::command::{output, plist_value, systemctl_property};
use super::installed;
use super::layout::{LAUNCHD_TARGET, PLIST_PATH, UNIT};
use crate::error::Result;
use crate::platform;
use crate::platform::service::ServiceManager;
use crate::platform::users::User;

/// A service that is registered, whatever became of its executable.
#[derive(Clone, Debug)]
pub struct Registered {
    pub executable: PathBuf,
    /// `None` where that is not known, as on Windows.
    pub user: Option<User>,
    /// Whether it runs, or would if it did not fail: nobody has stopped it.
    pub is_started: bool,
}

impl Registered {
    /// Asks the service manager; `None` where it knows of no service.
    pub fn find(manager: ServiceManager) -> Result<Option<Registered>> {
        let Some(executable) = executable(manager)? else {
            return Ok(None);
        };
        let user = installed::user(manager)?;
        Ok(Some(Registered {
            executable,
            user: user.and_then(|name| platform::users::user(&name)),
            is_started: is_started(manager),
        }))
    }
}

/// Returns the executable that the service manager starts as our service; `None` where it knows of no service.
pub fn executable(manager: ServiceManager) -> Result<Option<PathBuf>> {
    let found = match manager {
        ServiceManager::Systemd => installed::unit(manager)?.as_deref().and_then(of_unit),
        ServiceManager::Launchd => of_plist(),
        ServiceManager::Windows => of_windows(),
    };
    Ok(found.map(PathBuf::from))
}

/// Reads it from a unit, where a path with a space is in quotes.
fn of_unit(unit: &str) -> Option<String> {
    let command = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))?;
    let path = match command.strip_prefix('"') {
        Some(quoted) => quoted
            .split_once("\" ")?
            .0
            .replace("\\\"", "\"")
            .replace("\\\\", "\\"),
        None => command.split_whitespace().next()?.to_owned(),
    };
    Some(path.replace("%%", "%").replace("$$", "$"))
}

fn of_plist() -> Option<String> {
    let plist = Some(Path::new(PLIST_PATH)).filter(|plist| plist.exists())?;
    let json = plist_value(plist, "ProgramArguments", "json")?;
    let words: Vec<String> = serde_json::from_str(&json).ok()?;
    words.into_iter().next()
}

fn of_windows() -> Option<String> {
    let state = platform::service::service_state().ok().flatten()?;
    of_command_line(&state.command_line)
}

/// Reads it from a command line of Windows.
fn of_command_line(line: &str) -> Option<String> {
    let program = match line.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => line.split_whitespace().next(),
    };
    program.map(str::to_owned)
}

fn is_started(manager: ServiceManager) -> bool {
    match manager {
        ServiceManager::Systemd => output(&["systemctl", "show", UNIT, "--property=ActiveState"])
            .is_some_and(|shown| systemctl_property(&shown, "ActiveState") != "inactive"),
        ServiceManager::Launchd => output(&["launchctl", "print", LAUNCHD_TARGET]).is_some(),
        ServiceManager::Windows => platform::service::service_state()
            .is_ok_and(|state| state.is_some_and(|state| state.process.is_some())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_of_a_registration_is_read_as_it_was_written() {
        for (unit, path) in [
            (
                "ExecStart=/usr/bin/ollama-tap proxy\n",
                "/usr/bin/ollama-tap",
            ),
            (
                "ExecStart=\"/opt/a b/100%%/$$x\" serve\n",
                "/opt/a b/100%/$x",
            ),
            ("ExecStart=\"/opt/a \\\"b\\\\c\" serve\n", "/opt/a \"b\\c"),
        ] {
            let text = format!("[Service]\nType=notify\n{unit}");
            assert_eq!(of_unit(&text).as_deref(), Some(path));
        }
        assert_eq!(of_unit("[Service]\n"), None);
        for line in [
            r#""C:\Program Files\x.exe" service run"#,
            r#""C:\Program Files\x.exe""#,
        ] {
            assert_eq!(
                of_command_line(line).as_deref(),
                Some(r"C:\Program Files\x.exe")
            );
        }
        assert_eq!(
            of_command_line(r"C:\x.exe service run").as_deref(),
            Some(r"C:\x.exe")
        );
    }
}
