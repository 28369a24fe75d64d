//! Ollama Tap takes Ollama's place at its port, forwards every byte unchanged, and turns what passes into metrics.
#![deny(unsafe_code)]

mod address;
mod cli;
mod client;
mod config;
mod connections;
mod fault;
mod forward;
mod metrics;
mod observe;
mod platform;
mod reply;
mod route;

fn main() {}
