//! SESSION: which conversation a request belongs to, as its client says or as its messages do.
//!
//! Within a conversation, turns that go on from one another are a branch: a title that is asked for
//! beside the chat, or a turn that was edited, is of the same conversation and finds nothing of its
//! own in the prompt cache.

pub mod hints;
mod outline;
#[cfg(test)]
mod tests;
pub mod threads;

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

pub use hints::SessionHints;
use outline::{Link, Outline, OutlineEnd};

use super::Seen;
use super::bounded::Bounded;
use super::prompt::keys;
use crate::http::route::Inference;

/// How many clients and told conversations are remembered, and how many branches of each.
pub const OWNERS_MAX: usize = 256;
pub const BRANCHES_MAX: usize = 128;

/// How many responses are remembered by their ids.
pub const RESPONSES_MAX: usize = 4096;

/// After such a time a client's next request is a new conversation, unless it says otherwise.
pub const GUESS_AGE_MAX: Duration = Duration::from_secs(3600);

/// The conversation of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The client's own id of it, else 16 hex digits.
    pub id: String,
    /// The client did not say: it was joined by what its messages are.
    pub is_guessed: bool,
    /// The id of its branch: what one request leaves in the prompt cache is of use to the next of
    /// the same branch alone.
    pub branch: String,
}

/// The conversations of the past, to which those of today are joined.
#[derive(Debug)]
pub struct Sessions {
    owners: Bounded<u64, Vec<Branch>>,
    /// The ids of sessions, by the hash of the id of a response.
    responses: Bounded<u64, String>,
}

/// Turns of which each goes on from the one before it.
#[derive(Debug)]
struct Branch {
    session: String,
    id: String,
    end: OutlineEnd,
    /// `Reply::text` of its last reply.
    reply: Option<u64>,
    /// The hash of model and endpoint, where prompts have no messages.
    plain: Option<u64>,
    ended: SystemTime,
}

/// A request that is to be joined.
struct Joining<'s> {
    seen: &'s Seen,
    outline: Outline,
    plain: Option<u64>,
    /// What its client says.
    told: Option<String>,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            owners: Bounded::new(OWNERS_MAX),
            responses: Bounded::new(RESPONSES_MAX),
        }
    }
}

impl Sessions {
    /// Joins a request that has ended to its conversation, or begins one with it. To be called once
    /// for each, in the order in which they end. `None` where there is no conversation: for
    /// embeddings, images and audio, and where nothing is known of a prompt and its client says
    /// nothing.
    pub fn assign(
        &mut self,
        seen: &Seen,
        client_ip: Option<IpAddr>,
        hints: &SessionHints,
    ) -> Option<Session> {
        if !converses(seen.endpoint) {
            return None;
        }
        let previous = hints.previous_response.as_ref();
        let outline = Outline::of(&seen.prompt);
        let joining = Joining {
            plain: plain(seen, &outline),
            outline,
            told: hints
                .told
                .clone()
                .or_else(|| self.responses.get(previous?).cloned()),
            seen,
        };
        let session = self.join(joining, client_ip)?;
        if let Some(response) = hints.response {
            self.responses.insert(response, session.id.clone());
        }
        Some(session)
    }

    fn join(&mut self, joining: Joining<'_>, client_ip: Option<IpAddr>) -> Option<Session> {
        let is_guessed = joining.told.is_none();
        if joining.seen.prompt.messages.is_empty() {
            return joining.told.map(|id| Session {
                id,
                is_guessed,
                branch: new_id(),
            });
        }
        let client = joining.seen.client.as_deref();
        let owner = match &joining.told {
            Some(id) => keys().hash_one(("told", id)),
            None => keys().hash_one(("client", client, client_ip)),
        };
        let branches = self.owners.entry(owner);
        if is_guessed {
            branches.retain(|branch| !branch.is_over(joining.seen.arrived));
        }
        let branch = joining.into_branch(branches);
        let session = Session {
            id: branch.session.clone(),
            is_guessed,
            branch: branch.id.clone(),
        };
        if branches.len() >= BRANCHES_MAX {
            branches.remove(0);
        }
        branches.push(branch);
        Some(session)
    }
}

impl Joining<'_> {
    /// Makes the branch that ends with this request. The one that it goes on from is taken out of
    /// `branches`, and so is one whose last turn it replaces.
    fn into_branch(self, branches: &mut Vec<Branch>) -> Branch {
        let found = self.best(branches);
        let is_replaced = found.is_some_and(|(index, link)| {
            let end = &branches[index].end;
            let is_as_long = self.outline.end().len() == end.len();
            let is_same_turn = is_as_long && self.outline.has_system_of(end);
            link > Link::Alike || self.plain.is_some() || is_same_turn
        });
        let (session, id) = match found {
            Some((index, link)) if is_replaced => {
                let old = branches.remove(index);
                let id = if link > Link::Alike { old.id } else { new_id() };
                (old.session, id)
            }
            Some((index, _)) => (branches[index].session.clone(), new_id()),
            None => (self.told.unwrap_or_else(new_id), new_id()),
        };
        Branch {
            session,
            id,
            end: self.outline.end(),
            reply: self.seen.reply.text,
            plain: self.plain,
            ended: self.seen.arrived + self.seen.times.duration,
        }
    }

    /// Returns the branch that this request follows best: the longest of those that it goes on
    /// from, and of equal ones the newest, which comes last.
    fn best(&self, branches: &[Branch]) -> Option<(usize, Link)> {
        let links = branches.iter().enumerate().filter_map(|(index, branch)| {
            let link = self.link(branch)?;
            let is_same_system = self.outline.has_system_of(&branch.end);
            Some(((link, is_same_system, branch.end.len()), index))
        });
        let ((link, ..), index) = links.max()?;
        Some((index, link))
    }

    fn link(&self, branch: &Branch) -> Option<Link> {
        if self.plain != branch.plain {
            return None;
        }
        let link = self.outline.link(&branch.end, branch.reply);
        let is_told_answer =
            self.told.is_some() && self.outline.is_answer(&branch.end, branch.reply);
        if self.plain.is_some() {
            link.filter(|link| *link == Link::Continued)
                .or(Some(Link::Alike))
        } else if is_told_answer {
            link.max(Some(Link::HistoryChanged))
        } else {
            link
        }
    }
}

impl Branch {
    fn is_over(&self, now: SystemTime) -> bool {
        let age = now.duration_since(self.ended);
        age.is_ok_and(|age| age > GUESS_AGE_MAX)
    }
}

/// Whether requests of this kind follow one another.
fn converses(endpoint: Inference) -> bool {
    match endpoint {
        Inference::Generate
        | Inference::Chat
        | Inference::V1ChatCompletions
        | Inference::V1Completions
        | Inference::V1Responses
        | Inference::V1Messages
        | Inference::V1Systemone => true,
        Inference::Embed
        | Inference::Embeddings
        | Inference::V1Embeddings
        | Inference::V1ImageGenerations
        | Inference::V1ImageEdits
        | Inference::V1Transcriptions => false,
    }
}

/// Returns by what requests are joined whose prompts have no messages of a user: model and
/// endpoint.
fn plain(seen: &Seen, outline: &Outline) -> Option<u64> {
    let has_messages = !matches!(
        seen.endpoint,
        Inference::Generate | Inference::V1Completions
    );
    let is_plain = !has_messages || !outline.has_user();
    is_plain.then(|| keys().hash_one((&seen.model, seen.endpoint)))
}

fn new_id() -> String {
    format!("{:016x}", fastrand::u64(..))
}
