//! The executable as its users meet it.
