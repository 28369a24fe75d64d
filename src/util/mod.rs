//! UTIL: the memory budget, work that ends early, names as numbers, numbers as people read them, safe texts, texts that fit, standard error,
//! threads.

pub mod budget;
pub mod interrupt;
pub mod layout;
pub mod name_table;
pub mod numbers;
pub mod sanitize;
pub mod screen;
pub mod stderr;
pub mod threads;
