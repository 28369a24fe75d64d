//! JUDGE: what `diagnose` remembers, and what it says of one exchange.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::diagnose::cpu::BestShares;
use crate::diagnose::diagnosis::{Details, Diagnosis, SentRequest};
use crate::diagnose::listing::{Listed, Listing};
use crate::diagnose::notices::{NoticedRequest, Notices};
use crate::diagnose::seen::Seen;
use crate::diagnose::session::Sessions;
use crate::diagnose::session::threads::{NewRequest, Threads};
use crate::history::store::replace_side_file;
use crate::observe::client_product::ClientProduct;
use crate::observe::conversation::reply_hash;
use crate::observe::exchange::ModelVersion;
use crate::observe::{Exchange, RequestStarted};

/// The name of the file in which the best shares of models in VRAM are kept.
const SHARES_FILE: &str = ".vram-shares";

/// Judges exchanges in the order in which they ended.
#[derive(Default)]
pub struct Judge {
    pub diagnosis: Diagnosis,
    sessions: Sessions,
    threads: Threads,
    notices: Notices,
    /// Of the Ollama that answered last.
    version: Option<String>,
    /// Where the best shares of models in VRAM are kept.
    shares: Option<PathBuf>,
    has_failed: bool,
}

impl Judge {
    /// Reads what an earlier run has left in this directory.
    pub fn load(directory: Option<PathBuf>) -> Judge {
        let mut judge = Judge {
            shares: directory.map(|directory| directory.join(SHARES_FILE)),
            ..Judge::default()
        };
        judge.restart();
        judge
    }

    /// Forgets all but what is kept.
    pub fn restart(&mut self) {
        let kept = self
            .shares
            .as_deref()
            .and_then(|path| std::fs::read(path).ok());
        self.sessions = Sessions::default();
        self.threads = Threads::default();
        self.diagnosis = Diagnosis::default();
        self.diagnosis.shares =
            kept.map_or_else(BestShares::default, |text| BestShares::from_json(&text));
    }

    /// Notes a request that was sent.
    pub fn begin(&mut self, request: &RequestStarted) {
        self.diagnosis.begin(SentRequest {
            id: &request.interaction_id,
            endpoint: request.endpoint,
            model: request.model.as_deref().unwrap_or_default(),
            client: request.client.as_deref(),
            options: &request.options,
            taken: request.taken,
            sent: request.sent,
        });
    }

    /// Notes an answer of /api/ps, and the version of Ollama that gave it.
    pub fn listing(&mut self, listing: &Listing, version: Option<String>) {
        self.version = version;
        if !self.diagnosis.listing(listing) {
            return;
        }
        let Some(path) = &self.shares else { return };
        let text = self.diagnosis.shares.to_json();
        if let Err(cause) = replace_side_file(path, text.as_bytes())
            && !std::mem::replace(&mut self.has_failed, true)
        {
            log::warn!(
                "save the shares of models in VRAM as {}: {cause}",
                path.display()
            );
        }
    }

    /// Puts what is to be said of an exchange into it. One of which it was not told that it was
    /// sent is left as it is: it would look as if it had loaded its model.
    pub fn judge(&mut self, exchange: &mut Exchange) {
        let id = &exchange.interaction_id;
        if !self.diagnosis.has_begun(id) {
            return;
        }
        let listed = self.diagnosis.loaded(id);
        exchange.version = self.model_version(listed.as_ref());
        let seen = exchange.seen(listed.map(|listed| listed.loaded));
        let hints = &exchange.evidence.session;
        let session = self.sessions.assign(&seen, exchange.client_ip, hints);
        let details = Details {
            keep_alive: exchange.evidence.keep_alive,
            conversation: session.as_ref().map(|session| &*session.branch),
            print: std::mem::take(&mut exchange.evidence.print),
            answer: exchange.answer(),
        };
        *exchange.report = self.diagnosis.end(&seen, details);
        exchange.session = session;
        self.follow(exchange, &seen);
        self.log_findings(exchange);
    }

    /// Leaves to earlier records what they have of its conversation.
    fn follow(&mut self, exchange: &mut Exchange, seen: &Seen) {
        let is_recorded = !exchange.is_unrecorded
            && !exchange.load_only
            && exchange.conversation.messages.is_some();
        let Some(session) = exchange.session.as_ref().filter(|_| is_recorded) else {
            return;
        };
        let previous = self.threads.follow(NewRequest {
            id: &exchange.interaction_id,
            session: &session.id,
            prompt: &seen.prompt,
            hints: &exchange.evidence.session,
            reply: reply_hash(&exchange.response, &exchange.tool_calls),
        });
        if let Some(previous) = previous {
            exchange.conversation.follow(previous);
        }
    }

    fn model_version(&self, listed: Option<&Listed>) -> ModelVersion {
        ModelVersion {
            ollama: self.version.clone(),
            digest: listed.and_then(|listed| listed.digest.clone()),
            quantization: listed.and_then(|listed| listed.quantization.clone()),
        }
    }

    fn log_findings(&mut self, exchange: &Exchange) {
        if exchange.report.findings.is_empty() {
            return;
        }
        let product = exchange.user_agent.as_deref().and_then(ClientProduct::of);
        let known = product.filter(|product| product.is_known);
        let request = NoticedRequest {
            id: &exchange.interaction_id,
            model: exchange.model.as_deref().unwrap_or("unknown"),
            client: known.as_ref().map(|product| &*product.name),
        };
        for finding in &exchange.report.findings {
            if let Some(notice) = self.notices.note(finding, request, SystemTime::now()) {
                log::log!(notice.level, "{}", notice.text);
            }
        }
    }
}
