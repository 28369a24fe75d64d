//! Small things that many rooms use.

pub mod budget;
pub mod sanitize;
pub mod threads;
