//! Chats that go on: joined by what they say, and never called cut while they grow.

use proptest::prelude::*;

use super::labels::{Verdict, verdict};
use super::recorded::{Case, cases};
use crate::diagnose::context::{Memory, findings};
use crate::diagnose::measure::Measures;
use crate::diagnose::prompt::{Keys, Message, MessageRole, Prompt};
use crate::diagnose::seen::{Loaded, Options, Reply, Seen, Times};
use crate::http::route::Inference;

#[test]
fn turns_are_joined_by_content_among_those_of_others() {
    let keys = Keys::new();
    let mut turns = cases("conversations", &keys);
    let verdicts = |turns: &[Case]| -> Vec<(String, Verdict)> {
        let mut memory = Memory::default();
        let mut verdicts: Vec<_> = turns
            .iter()
            .map(|case| (case.name.clone(), verdict(case, false, &mut memory)))
            .collect();
        verdicts.sort_by(|one, other| one.0.cmp(&other.0));
        verdicts
    };
    let one_after_another = verdicts(&turns);
    turns.sort_by_key(|case| (case.number("turn"), case.name.clone()));
    assert_eq!(verdicts(&turns), one_after_another);
}

#[test]
fn most_turns_that_lost_old_messages_are_found_by_their_chat_alone() {
    let (keys, mut memory) = (Keys::new(), Memory::default());
    let (mut cut, mut found) = (0, 0);
    for mut case in cases("conversations", &keys) {
        // Without a context, only a chat that shrinks tells.
        case.seen.loaded = None;
        let verdict = verdict(&case, false, &mut memory);
        cut += usize::from(case.is_cut());
        found += usize::from(verdict.is_some());
        assert!(case.is_cut() || verdict.is_none(), "{}", case.name);
    }
    println!("turns: {found} of {cut} found");
    assert!(found * 10 >= cut * 8);
}

/// What a template does.
#[derive(Clone, Copy, Debug)]
struct Template {
    system: bool,
    tool: bool,
    thinking: bool,
    /// System prompt and tools stand beside the last message alone, where that is the user's.
    beside_last: bool,
    tools: u64,
    /// Tokens of the model's own system prompt, and of each message beside its text.
    own: u64,
    each: u64,
}

impl Template {
    fn keeps(&self, message: &Message) -> bool {
        match message.role {
            MessageRole::System => self.system,
            MessageRole::Tool => self.tool,
            _ => self.thinking || !message.thinks,
        }
    }

    fn count(&self, messages: &[Message], per_guess: f64) -> u64 {
        let is_users = messages
            .last()
            .is_some_and(|last| last.role == MessageRole::User);
        let has_all = is_users || !self.beside_last;
        let kept = messages.iter().filter(|message| {
            self.keeps(message) && (has_all || message.role != MessageRole::System)
        });
        let texts: f64 = kept
            .clone()
            .map(|message| (message.text.guess * per_guess).ceil())
            .sum();
        let tools = if has_all { self.tools } else { 0 };
        self.own + tools + kept.count() as u64 * self.each + texts as u64
    }
}

prop_compose! {
    fn template()(
        system: bool, tool: bool, thinking: bool, beside_last: bool,
        tools in prop_oneof![Just(0u64), 0u64..2000], own in 0u64..300, each in 3u64..9
    ) -> Template {
        Template { system, tool, thinking, beside_last, tools, own, each }
    }
}

prop_compose! {
    fn message()(role in 0usize..5, words in 0u64..600, thinks: bool, hash: u64) -> Message {
        let role = [MessageRole::User, MessageRole::Assistant, MessageRole::User, MessageRole::Tool, MessageRole::System][role];
        let text = Measures { bytes: words * 6, words, runs: words, guess: words as f64 * 1.1 };
        let thinks = thinks && role == MessageRole::Assistant;
        Message { role, text, hash, thinks, has_markup: thinks, ..Message::default() }
    }
}

fn seen(
    messages: &[Message],
    tools: u64,
    context: u64,
    count: u64,
    reply: Option<(u64, u64)>,
) -> Seen {
    Seen {
        interaction_id: String::new(),
        endpoint: Inference::Chat,
        model: "m".to_owned(),
        client: None,
        arrived: std::time::SystemTime::UNIX_EPOCH,
        prompt: Prompt {
            messages: messages.to_vec(),
            tools,
            tools_bytes: 3 * tools,
            ..Prompt::default()
        },
        options: Options {
            num_keep: Some(0),
            ..Options::default()
        },
        reply: Reply {
            status: Some(200),
            done_reason: Some("stop".to_owned()),
            prompt_tokens: Some(count),
            generated_tokens: reply.map(|(_, generated)| generated),
            text: reply.map(|(hash, _)| hash),
            ..Reply::default()
        },
        times: Times::default(),
        loaded: Some(Loaded {
            context_length: Some(context),
            ..Loaded::default()
        }),
    }
}

/// What is left of this context when a prompt's middle goes, with no token kept by wish.
fn is_by_chance(context: u64, count: u64) -> bool {
    [0, 1]
        .iter()
        .any(|kept| count == context - (context - kept) / 2)
}

proptest! {
    #[test]
    fn a_chat_that_fits_is_never_called_cut(
        template in template(),
        messages in prop::collection::vec(message(), 1..24),
        per_guess in 0.95f64..3.0,
        room in 1u64..3000,
    ) {
        let whole = template.count(&messages, per_guess);
        let context = (whole + room).max(512);
        let mut memory = Memory::default();
        for end in 1..=messages.len() {
            let sent = &messages[..end];
            let count = template.count(sent, per_guess);
            // What the next message has is this one's reply, where the assistant says it.
            let reply = messages.get(end).filter(|next| next.role == MessageRole::Assistant && !next.thinks);
            let reply = reply.map(|next| (next.hash, (next.text.guess * per_guess) as u64 + 1));
            let reply = reply.filter(|(_, generated)| count + generated < context);
            if count > 0 && !is_by_chance(context, count) {
                let found = findings(&seen(sent, template.tools, context, count, reply), &[], &mut memory);
                prop_assert!(found.is_empty(), "{found:?}");
            }
        }
    }
}
