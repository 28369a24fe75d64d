//! What both sides of HTTP and every question about them share: addresses, and what a path means.

pub mod address;
pub mod agent;
pub mod route;
