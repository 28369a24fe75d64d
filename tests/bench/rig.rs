//! What all cases share, and the rounds in which they measure.

use std::cell::OnceCell;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::histories::Full;
use crate::nginx;
use crate::process::Server;
use crate::stats::{Runs, Ways};

/// The upstream, nginx where there is one, how often everything is measured, and the full histories once a case asked for them.
pub struct Rig {
    pub upstream: SocketAddr,
    pub nginx: Option<Server>,
    pub nginx_program: Option<PathBuf>,
    pub rounds: usize,
    pub full: OnceCell<Full>,
}

/// One way to the upstream: what it is called, who stands in it, and where its figures go.
type Way<'a> = (&'static str, Option<&'a Server>, fn(&mut Ways) -> &mut Runs);

impl Rig {
    /// Measures direct, through nginx and through `tap` in turn within each round, so that a drift of the machine hits all ways alike.
    pub fn rounds<const N: usize>(
        &self,
        tap: &Server,
        measure: impl Fn(SocketAddr) -> io::Result<[f64; N]>,
    ) -> io::Result<[Ways; N]> {
        let mut ways: Vec<Way> = vec![("direct", None, |ways| &mut ways.direct)];
        ways.extend(proxies(self.nginx.as_ref(), tap));
        self.in_turn(&ways, |proxy| {
            measure(proxy.map_or(self.upstream, |proxy| proxy.address))
        })
    }

    /// Measures the processes of `nginx` and of `tap` in turn within each round.
    pub fn proxies<const N: usize>(
        &self,
        nginx: Option<&Server>,
        tap: &Server,
        measure: impl Fn(&Server) -> io::Result<[f64; N]>,
    ) -> io::Result<[Ways; N]> {
        self.in_turn(&proxies(nginx, tap), |proxy| {
            measure(proxy.expect("each of these ways has a proxy"))
        })
    }

    /// An nginx that has served nobody yet.
    pub fn fresh_nginx(&self) -> io::Result<Option<Server>> {
        self.nginx_program
            .as_ref()
            .map(|program| nginx::start(program, self.upstream))
            .transpose()
    }

    fn in_turn<const N: usize>(
        &self,
        ways: &[Way],
        measure: impl Fn(Option<&Server>) -> io::Result<[f64; N]>,
    ) -> io::Result<[Ways; N]> {
        let mut figures = [const { Ways::NONE }; N];
        for _ in 0..self.rounds {
            for (name, proxy, runs) in ways {
                let run = measure(*proxy)
                    .map_err(|cause| io::Error::other(format!("measuring {name}: {cause}")))?;
                for (ways, figure) in figures.iter_mut().zip(run) {
                    runs(ways).push(figure);
                }
                // What is left to write and to index would slow down whoever is measured next.
                proxy.map_or(Ok(()), Server::wait_until_idle)?;
            }
        }
        Ok(figures)
    }
}

fn proxies<'a>(nginx: Option<&'a Server>, tap: &'a Server) -> Vec<Way<'a>> {
    let mut ways: Vec<Way> = nginx
        .map(|nginx| -> Way { ("through nginx", Some(nginx), |ways| &mut ways.nginx) })
        .into_iter()
        .collect();
    ways.push(("through the tap", Some(tap), |ways| &mut ways.tap));
    ways
}
