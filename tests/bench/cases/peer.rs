//! The tap beside another proxy that tells what a model was asked: the same chat, each in the dialect that it is there for.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::clients::Clients;
use crate::litellm;
use crate::process::Server;
use crate::rig::Rig;
use crate::stats::Runs;
use crate::streams::Streams;
use crate::table::{Row, Target, Unit};
use crate::upstream::{Pace, post};

const STREAMS: Streams = Streams {
    count: 8,
    interval: Duration::from_millis(50),
    window: Duration::from_secs(3),
};
const CLIENTS: usize = 4;
const WINDOW: Duration = Duration::from_secs(2);

/// What is asked where, and what came of it.
struct Figures {
    request: fn(&str, bool) -> Vec<u8>,
    stream: fn(&Pace) -> Vec<u8>,
    added: Runs,
    rate: Runs,
    memory: Runs,
}

/// LiteLLM's proxy; nothing where nobody said which one.
pub fn litellm(rig: &Rig) -> io::Result<Vec<Row>> {
    let Some(program) = litellm::find() else {
        println!(
            "SKIPPED: OLLAMA_TAP_BENCH_LITELLM names no program of LiteLLM, so the tap is not compared with it\n"
        );
        return Ok(Vec::new());
    };
    let proxies = [
        Server::tap(rig.upstream, &[])?,
        litellm::start(&program, rig.upstream)?,
    ];
    let mut figures = [
        Figures::of(native, |pace| native(&pace.prompt(), true)),
        Figures::of(openai, |pace| openai(&pace.prompt(), true)),
    ];
    thread::sleep(Duration::from_secs(1));
    for (proxy, figures) in proxies.iter().zip(&mut figures) {
        figures.memory.push(proxy.memory("VmRSS")?);
    }
    for _ in 0..rig.rounds {
        let direct = STREAMS
            .run_as(rig.upstream, figures[0].stream)?
            .transit(0.5);
        for (proxy, figures) in proxies.iter().zip(&mut figures) {
            figures.measure(proxy.address, direct)?;
            proxy.wait_until_idle()?;
        }
    }
    let [tap, litellm] = &figures;
    Ok(vec![
        Row::compared(
            "chat, added time per token, p50 (8 streams, 20 tokens/s each): tap, LiteLLM",
            &tap.added,
            &litellm.added,
            Unit::Micros,
            Target::None,
        ),
        Row::compared(
            "chat, not streamed, 4 keep-alive clients: tap, LiteLLM",
            &tap.rate,
            &litellm.rate,
            Unit::PerSecond,
            Target::None,
        ),
        Row::compared(
            "memory at rest, 1 s after start: tap, LiteLLM",
            &tap.memory,
            &litellm.memory,
            Unit::Megabytes,
            Target::None,
        ),
    ])
}

impl Figures {
    fn of(request: fn(&str, bool) -> Vec<u8>, stream: fn(&Pace) -> Vec<u8>) -> Figures {
        Figures {
            request,
            stream,
            added: Runs::NONE,
            rate: Runs::NONE,
            memory: Runs::NONE,
        }
    }

    /// The requests come first: a proxy that has answered some is warm when the streams begin.
    fn measure(&mut self, address: SocketAddr, direct: f64) -> io::Result<()> {
        let request = (self.request)("Why?", false);
        self.rate.push(
            Clients::warm(address, &request, CLIENTS)?
                .ask_as_fast_as_they_can(&[request], WINDOW)?,
        );
        self.added
            .push(STREAMS.run_as(address, self.stream)?.transit(0.5) - direct);
        Ok(())
    }
}

fn native(prompt: &str, stream: bool) -> Vec<u8> {
    post("/api/chat", &chat(prompt, stream))
}

fn openai(prompt: &str, stream: bool) -> Vec<u8> {
    post("/v1/chat/completions", &chat(prompt, stream))
}

/// What both dialects understand.
fn chat(prompt: &str, stream: bool) -> String {
    format!(
        r#"{{"model":"talk","messages":[{{"role":"user","content":"{prompt}"}}],"stream":{stream}}}"#
    )
}
