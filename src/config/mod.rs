//! Settings as the program needs them: flag over variable over default, everything checked, every bad value reported at once.
//!
//! Variables are read through a function that is passed in, so that a test gives a map. A variable that is set but empty
//! counts as unset (compose files and unit files leave such behind); spaces around a value do not count.
//!
//! - `variables` names the variables, `settings` has the checked values
//! - `resolver` reads one setting at a time (`loki` those of Loki)
//! - `tap`, `serve` and `query` resolve all settings of a command

mod loki;
mod query;
mod resolver;
mod serve;
mod settings;
mod tap;
pub mod test_overrides;
mod variables;

pub use query::{HistoryLocation, QueryConfig};
pub use resolver::is_token;
pub use serve::ServeConfig;
pub use settings::{Backend, BadValue, HistoryConfig, LokiAuth, LokiSettings, StoreText};
pub use tap::Config;
pub use variables::*;

#[cfg(test)]
mod tests;
