//! HTTP: addresses, routes, and the agent for our own questions, shared by server and forward.

pub mod address;
pub mod agent;
pub mod route;
