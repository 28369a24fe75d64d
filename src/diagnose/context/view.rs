//! VIEW: one exchange in the words of the rules.

use std::ops::RangeInclusive;

use crate::diagnose::measure::Measures;
use crate::diagnose::prompt::{Message, MessageRole};
use crate::diagnose::seen::Seen;

use super::said::Said;

/// First tokens of a prompt that stay, where nothing else was asked for: Ollama's own number, and that of the older files of llama3.
const KEPT_FIRST: [u64; 2] = [4, 24];

/// Numbers of tokens that can be; of others nothing is to be learned.
const COUNTS: RangeInclusive<u64> = 1..=1 << 40;

/// What Ollama takes a picture for when it sums up messages.
const IMAGE_TOKENS: f64 = 768.0;

/// Characters of tool definitions that come to one token, about.
const TOOLS_BYTES_PER_TOKEN: f64 = 4.0;

/// A real token may be so many guessed ones, and a guessed one so many real ones, with few exceptions.
pub const LEAST_PER_GUESS: f64 = 0.65;
pub const MOST_PER_GUESS: f64 = 8.0;
pub const OFTEN_PER_GUESS: f64 = 2.5;

/// The context that the request ran in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelContext {
    pub tokens: u64,
    /// /api/ps told it; else it is what the request asked for, which Ollama may have capped.
    pub is_told: bool,
}

pub struct View<'a> {
    pub seen: &'a Seen,
    pub said: &'a [Said],
    pub context: Option<ModelContext>,
    /// What Ollama counted, of the prompt and of the reply.
    pub prompt: Option<u64>,
    pub generated: Option<u64>,
    /// The texts that every template puts before the model.
    pub kept: Measures,
    /// And those that nearly every template does.
    pub mostly: Measures,
    pub all: Measures,
}

impl<'a> View<'a> {
    pub fn new(seen: &'a Seen, said: &'a [Said]) -> View<'a> {
        let counted = |count: Option<u64>| {
            count.filter(|count| COUNTS.contains(count) && !seen.reply.estimated)
        };
        View {
            seen,
            said,
            context: context(seen),
            prompt: counted(seen.reply.prompt_tokens),
            generated: counted(seen.reply.generated_tokens),
            kept: seen.prompt.sum(Message::is_kept),
            mostly: seen.prompt.sum(Message::is_mostly_kept),
            all: seen.prompt.sum(|_| true),
        }
    }

    pub fn told_context(&self) -> Option<u64> {
        self.context
            .filter(|context| context.is_told)
            .map(|context| context.tokens)
    }

    pub fn is_embedding(&self) -> bool {
        self.seen.endpoint.is_embedding()
    }

    pub fn is_native(&self) -> bool {
        self.seen.endpoint.as_str().starts_with("api/")
    }

    /// Ollama answered, and not with an error.
    pub fn is_answered(&self) -> bool {
        let status = self.seen.reply.status;
        self.seen.reply.error.is_none() && status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Guessed tokens of all texts, with the definitions of tools.
    pub fn guess(&self) -> f64 {
        self.all.guess + self.tools()
    }

    fn tools(&self) -> f64 {
        self.seen.prompt.tools_bytes as f64 / TOOLS_BYTES_PER_TOKEN
    }

    /// Whether the prompt may fill the context at all, as far as a guess can tell. Where it cannot, a count that is too low comes
    /// from a template that leaves texts out.
    pub fn may_fill(&self, context: u64, part: f64) -> bool {
        let images = f64::from(self.seen.prompt.images()) * IMAGE_TOKENS;
        self.guess() + images >= part * context as f64 || self.seen.prompt.is_cut
    }

    /// Whether `count` is what is left of a prompt whose middle was dropped: the context less half of what is not kept. With a
    /// token that begins every prompt, one more is kept.
    pub fn is_signature(&self, count: u64) -> bool {
        let Some(context) = self.context.map(|context| context.tokens) else {
            return false;
        };
        let left = |kept: u64| context - ((context - kept.min(context - 1)) / 2).max(1);
        let is_left = |kept: u64| count == left(kept) || count == left(kept + 1);
        match self.seen.options.num_keep.filter(|_| self.is_native()) {
            Some(asked) => is_left(u64::try_from(asked).unwrap_or(u64::MAX - 1)),
            None => KEPT_FIRST.into_iter().any(is_left),
        }
    }

    /// Whether a cut can have left `count` tokens. Where there is but one message, the middle is all that can go: by this Ollama
    /// it leaves its signature, by older ones a full context.
    pub fn can_leave(&self, count: u64) -> bool {
        let Some(context) = self.context.map(|context| context.tokens) else {
            return true;
        };
        let is_special = self.seen.prompt.images() > 0 || self.seen.prompt.is_folded;
        let is_middle = self.is_signature(count) || count + 2 >= context;
        is_special || is_middle || self.seen.prompt.spoken() > 1 && self.explains(count, context)
    }

    /// Whether some number of messages that went from the front explains `count`: what stays comes to it, and the last that went
    /// would not have fitted beside it.
    fn explains(&self, count: u64, context: u64) -> bool {
        let messages = &self.seen.prompt.messages;
        let system: f64 = messages
            .iter()
            .filter(|m| m.role == MessageRole::System)
            .map(|m| m.text.guess)
            .sum();
        let spoken = messages
            .iter()
            .filter(|message| message.role != MessageRole::System);
        let all: f64 = spoken.clone().map(|message| message.text.guess).sum();
        let (mut stays, count) = (system + self.tools() + all, count as f64);
        spoken.take(self.seen.prompt.spoken() - 1).any(|gone| {
            stays -= gone.text.guess;
            let per_guess = count / stays.max(1.0);
            let fits_not =
                count + gone.text.guess * per_guess.max(OFTEN_PER_GUESS) > context as f64;
            (LEAST_PER_GUESS..=MOST_PER_GUESS).contains(&per_guess) && fits_not
        })
    }
}

fn context(seen: &Seen) -> Option<ModelContext> {
    let told = seen
        .loaded
        .as_ref()
        .and_then(|loaded| loaded.context_length);
    let asked = seen
        .options
        .num_ctx
        .and_then(|asked| u64::try_from(asked).ok());
    let asked = asked.filter(|_| seen.endpoint.as_str().starts_with("api/"));
    let told = told.map(|tokens| ModelContext {
        tokens,
        is_told: true,
    });
    told.or(asked.map(|tokens| ModelContext {
        tokens,
        is_told: false,
    }))
    .filter(|context| COUNTS.contains(&context.tokens))
}
