//! What Ollama's desktop app keeps in its settings and gives to its server as variables: a service in its place has them not.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};

use crate::platform;

/// The database's log of what was written last, beside it.
const LOG: &str = "-wal";

/// Settings of the app that its server has (`app/store/store.go` and `app/server/server.go` of Ollama 0.33).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSettings {
    /// The directory of the models, if it is not the usual one.
    pub models: Option<PathBuf>,
    /// Variables with their values.
    pub others: Vec<(&'static str, String)>,
}

/// Reads those of the user with this home; the usual ones where there is no app, or an older one without these settings.
pub fn read(home: &Path) -> AppSettings {
    read_database(&home.join(platform::ollama::APP_DATABASE)).unwrap_or_default()
}

/// Reads a copy: SQLite would make files beside a database that is another user's.
fn read_database(database: &Path) -> Option<AppSettings> {
    let directory = tempfile::tempdir().ok()?;
    let copy = directory.path().join("db.sqlite");
    fs::copy(database, &copy).ok()?;
    let _ = fs::copy(with_log(database), with_log(&copy)); // there is none while the app does not run
    let connection = Connection::open(&copy).ok()?;
    connection
        .query_row(
            "SELECT models, context_length, expose, browser FROM settings WHERE id = 1",
            [],
            settings,
        )
        .ok()
}

fn with_log(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(LOG);
    name.into()
}

fn settings(row: &Row) -> rusqlite::Result<AppSettings> {
    let models = PathBuf::from(row.get::<_, String>(0)?);
    let context_length: i64 = row.get(1)?;
    let others = [
        (
            "OLLAMA_CONTEXT_LENGTH",
            context_length > 0,
            context_length.to_string(),
        ),
        ("OLLAMA_HOST", row.get(2)?, "0.0.0.0".to_owned()),
        ("OLLAMA_ORIGINS", row.get(3)?, "*".to_owned()),
    ];
    Ok(AppSettings {
        // As the app does it: a directory that is gone is not used.
        models: Some(models).filter(|models| models.is_dir()),
        others: others
            .into_iter()
            .filter(|(_, is_set, _)| *is_set)
            .map(|(name, _, value)| (name, value))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of the app's table that matters here, as its `app/store/database.go` makes it.
    const TABLE: &str = "
        PRAGMA journal_mode = WAL;
        CREATE TABLE settings (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            expose BOOLEAN NOT NULL DEFAULT 0,
            browser BOOLEAN NOT NULL DEFAULT 0,
            models TEXT NOT NULL DEFAULT '',
            context_length INTEGER NOT NULL DEFAULT 0
        );
        INSERT INTO settings (id) VALUES (1);";

    #[test]
    fn settings_of_an_app_that_runs_are_read_and_nothing_is_left_beside_them() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(read(home.path()), AppSettings::default());
        let database = home.path().join(platform::ollama::APP_DATABASE);
        fs::create_dir_all(database.parent().unwrap()).unwrap();
        let app = Connection::open(&database).unwrap();
        app.execute_batch(TABLE).unwrap();
        assert_eq!(read(home.path()), AppSettings::default());

        let write = |models: &Path| {
            let values = "context_length = 8192, expose = 1, browser = 1";
            app.execute(
                &format!("UPDATE settings SET models = ?, {values}"),
                [models.to_str()],
            )
            .unwrap();
        };
        write(home.path());
        let names = || {
            let entries = fs::read_dir(database.parent().unwrap()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = names();
        let read_now = read(home.path());
        assert_eq!(read_now.models.as_deref(), Some(home.path()));
        let others = [
            ("OLLAMA_CONTEXT_LENGTH", "8192"),
            ("OLLAMA_HOST", "0.0.0.0"),
            ("OLLAMA_ORIGINS", "*"),
        ];
        assert_eq!(
            read_now.others,
            others.map(|(name, value)| (name, value.to_owned()))
        );
        assert_eq!(names(), before);
        write(Path::new("/gone"));
        assert_eq!(read(home.path()).models, None);
    }

    #[test]
    fn what_is_no_database_of_the_app_says_nothing() {
        let home = tempfile::tempdir().unwrap();
        let database = home.path().join(platform::ollama::APP_DATABASE);
        fs::create_dir_all(database.parent().unwrap()).unwrap();
        for text in ["", "no database"] {
            fs::write(&database, text).unwrap();
            assert_eq!(read(home.path()), AppSettings::default());
        }
    }
}
