//! The executable as its users meet it: started for real, between a scripted stand-in for Ollama and a client that speaks raw bytes.

/// The parts of the tests: the executable, the stand-in, the client, /metrics, the recordings.
mod harness;

/// The harness alone: client and stand-in without the tap between them.
mod bare;
/// The files for Prometheus and Grafana in packaging/: every query has an answer.
mod boards;
/// An Ollama that refuses, dies or talks nonsense.
mod broken;
/// Line ends in a checkout.
mod checkout;
/// The command line and the variables.
mod cli;
/// Whole connections of real clients.
mod clients;
/// Slow, silent and many connections, and what they cost.
mod connections;
/// The page at /analytics, in a browser.
mod dashboard;
/// The demo: a stand-in that answers everything, with nothing behind it.
mod demo;
/// The requirements of dependencies, and their licences.
mod dependencies;
/// What is found of requests while they happen.
mod diagnosed;
/// The container image, compose and Kubernetes.
mod docker;
/// The ends of requests, against Go's net/http.
mod framing;
/// The history: its records, access to it, and failures.
mod history;
/// Bad input and floods.
mod hostile;
/// An Ollama behind https.
mod https;
/// install.sh, on machines of its own.
mod installer;
/// What systemd's journal tells of Ollama.
#[cfg(target_os = "linux")]
mod journal;
/// Large bodies stream with flat memory.
mod large;
/// Start, watching Ollama, logging, signals.
mod lifecycle;
/// Valid requests, spoilt at random.
mod mutations;
/// The notes that running taps leave for commands.
mod notes;
/// The tap's own pages.
mod pages;
/// Questions to the history from a terminal.
mod questions;
/// Prometheus and the Python clients.
mod realparts;
/// What a release is packed into.
mod release;
/// Every recorded exchange of a real Ollama.
mod replay;
/// Replies of Ollama reach the client unchanged.
mod replies;
/// `serve` and the commands of Ollama's, with a stand-in for the program.
mod serve;
/// The service: installed, run, removed.
mod service;
/// No descriptors, no threads, no memory for one more.
mod shortage;
/// The static executable, in a root of its own.
mod static_one;
/// Tokens pass as they are made, and a client that leaves frees Ollama.
mod streaming;
/// The README against the code, and the house rules.
mod tidy;
/// `ollama-tap top`: what runs now.
mod top;
/// Requests of a client reach Ollama unchanged.
mod transparency;
/// Connections to Ollama: kept, dead, and made anew.
mod upstream;
/// Noticing that Ollama is up or down, and how soon.
mod watching;
/// Every interface of a machine, and what it is known by.
mod wildcards;
/// The service, the icon and the console of Windows, under Wine.
mod windows;
