//! Ollama Tap takes Ollama's place at its port, forwards every byte unchanged, and turns what passes into metrics.
#![deny(unsafe_code)]

mod address;
mod cli;
mod config;
mod observe;
mod route;

fn main() {}
