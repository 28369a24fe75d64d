//! The messages of a request for its record: the newest as they are, of older ones how many.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::diagnose::prompt::{MESSAGES_MAX, MessageRole};
use crate::observe::conversation::{Conversation, KeptMessage};
use crate::observe::exchange::ToolCall;
use crate::observe::lenient::compact;
use crate::observe::limits::{MAX_CONVERSATION, MAX_NAME, MAX_TOOL_CALLS};
use crate::observe::text::{BoundedText, prefix};

/// Takes messages one after the other, the text of each in pieces.
#[derive(Default)]
pub struct ConversationReader {
    system: BoundedText,
    messages: VecDeque<KeptMessage>,
    /// What those weigh, at most `MAX_CONVERSATION` if they are several.
    weight: usize,
    /// Messages that came, but for the system's before all others.
    count: usize,
    draft: MessageDraft,
    /// The last calls of tools: id and name.
    calls: VecDeque<(String, String)>,
}

/// The message that is being read.
#[derive(Default)]
struct MessageDraft {
    text: BoundedText,
    thinking: BoundedText,
    tool_calls: Vec<ToolCall>,
    images: u64,
    /// Of the tool whose call or result it is.
    name: Option<String>,
    call_id: Option<String>,
    arguments: Option<String>,
}

/// A call as clients send it: OpenAI's and Ollama's have the rest in `function`.
#[derive(Deserialize)]
struct SentCall<'a> {
    #[serde(default, borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    function: Option<SentFunction<'a>>,
}

#[derive(Deserialize)]
struct SentFunction<'a> {
    #[serde(default, borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    arguments: Option<&'a RawValue>,
}

impl ConversationReader {
    pub fn text(&mut self, piece: &str) {
        self.draft.text.push(piece);
    }

    /// Begins a new line of the text, if there is one.
    pub fn new_line(&mut self) {
        self.draft.text.push_line("");
    }

    pub fn restart_text(&mut self) {
        self.draft.text = BoundedText::default();
    }

    pub fn thinking(&mut self, piece: &str) {
        self.draft.thinking.push(piece);
    }

    pub fn image(&mut self) {
        self.draft.images += 1;
    }

    pub fn tool_name(&mut self, name: &str) {
        self.draft.name = Some(prefix(name, MAX_NAME).to_owned());
    }

    pub fn call_id(&mut self, id: &str) {
        self.draft.call_id = Some(prefix(id, MAX_NAME).to_owned());
    }

    pub fn arguments(&mut self, text: &str) {
        self.draft.arguments = Some(prefix(text, MAX_CONVERSATION).to_owned());
    }

    /// Takes a call of a tool as OpenAI and Ollama have it.
    pub fn sent_call(&mut self, json: &str) {
        let Ok(call) = serde_json::from_str::<SentCall>(json) else {
            return;
        };
        let Some(function) = call.function else {
            return;
        };
        let arguments = function.arguments.map(|arguments| {
            serde_json::from_str(arguments.get()).unwrap_or_else(|_| compact(arguments.get()))
        });
        let name = function.name.unwrap_or_default();
        self.call(call.id.as_deref(), &name, &arguments.unwrap_or_default());
    }

    /// Takes a call of a tool.
    pub fn call(&mut self, id: Option<&str>, name: &str, arguments: &str) {
        let name = prefix(name, MAX_NAME).to_owned();
        if let Some(id) = id {
            self.calls
                .push_back((prefix(id, MAX_NAME).to_owned(), name.clone()));
            if self.calls.len() > MAX_TOOL_CALLS {
                self.calls.pop_front();
            }
        }
        if self.draft.tool_calls.len() < MAX_TOOL_CALLS {
            let arguments = prefix(arguments, MAX_CONVERSATION).to_owned();
            self.draft.tool_calls.push(ToolCall { name, arguments });
        }
    }

    /// Names the tool whose result the last message is, by the id of its call. A result without text
    /// is no message, and the one before it has its name.
    pub fn name_result(&mut self, id: &str) {
        let name = self.name_of(id);
        let is_unnamed = |last: &&mut KeptMessage| {
            last.role == MessageRole::Tool.as_str() && last.tool_name.is_none()
        };
        if let Some(last) = self.messages.back_mut().filter(is_unnamed) {
            self.weight += name.len();
            last.tool_name = Some(name);
        }
    }

    /// Ends the message.
    pub fn end(&mut self, role: MessageRole) {
        if role == MessageRole::Assistant
            && let Some(arguments) = self.draft.arguments.take()
        {
            // An item of OpenAI's responses is one call.
            let (id, name) = (self.draft.call_id.take(), self.draft.name.take());
            self.call(id.as_deref(), &name.unwrap_or_default(), &arguments);
        }
        let draft = std::mem::take(&mut self.draft);
        if role == MessageRole::System && self.count == 0 {
            return self.push_system(draft.text.as_str());
        }
        let message = self.message(draft, role);
        self.count += 1;
        self.weight += weight(&message);
        self.messages.push_back(message);
        while self.weight > MAX_CONVERSATION && self.messages.len() > 1 {
            let oldest = self.messages.pop_front();
            self.weight -= oldest.map_or(0, |oldest| weight(&oldest));
        }
    }

    /// Forgets a message that is none.
    pub fn discard(&mut self) {
        self.draft = MessageDraft::default();
    }

    /// Returns the system's text, and the messages behind it where the request has some.
    pub fn finish(self) -> Conversation {
        Conversation {
            system: Some(self.system.into_string()),
            from: self.count - self.messages.len(),
            messages: Some(self.messages.into()),
            previous: None,
        }
    }

    fn message(&self, draft: MessageDraft, role: MessageRole) -> KeptMessage {
        let is_result = role == MessageRole::Tool;
        let by_id = draft.call_id.filter(|_| is_result && draft.name.is_none());
        let (text, is_text_cut) = bounded(draft.text);
        let (thinking, is_thinking_cut) = bounded(draft.thinking);
        KeptMessage {
            role: role.as_str().to_owned(),
            truncated: is_text_cut || is_thinking_cut,
            text: Some(text),
            thinking: Some(thinking).filter(|text| !text.is_empty()),
            tool_calls: draft.tool_calls,
            tool_name: by_id
                .map(|id| self.name_of(&id))
                .or(draft.name)
                .filter(|_| is_result),
            images: draft.images,
            ..KeptMessage::default()
        }
    }

    fn push_system(&mut self, text: &str) {
        if !self.system.is_empty() && !text.is_empty() {
            self.system.push("\n\n");
        }
        self.system.push(text);
    }

    fn name_of(&self, id: &str) -> String {
        let mut calls = self.calls.iter().rev();
        let call = calls.find(|(call, _)| call == id);
        call.map_or(id, |(_, name)| name).to_owned()
    }
}

/// Returns the bytes of a message, with as many for itself that at most `MESSAGES_MAX` are kept.
fn weight(message: &KeptMessage) -> usize {
    message.bytes() + MAX_CONVERSATION / MESSAGES_MAX
}

/// Cuts a text to the bound of all messages; returns whether something of it is lost.
fn bounded(text: BoundedText) -> (String, bool) {
    let was_cut = text.truncated();
    let mut text = text.into_string();
    let end = prefix(&text, MAX_CONVERSATION).len();
    let is_cut = was_cut || end < text.len();
    text.truncate(end);
    // It may hold more than it needs, for as long as the request runs.
    text.shrink_to_fit();
    (text, is_cut)
}

/// Puts the system prompt that stands beside the messages before them.
pub fn join(
    system: Option<ConversationReader>,
    spoken: Option<ConversationReader>,
) -> Conversation {
    let beside = system.map(|system| system.system.into_string());
    let mut conversation = match spoken {
        Some(spoken) => spoken.finish(),
        None => Conversation::default(),
    };
    let texts = [beside, conversation.system.take()];
    let texts: Vec<String> = texts
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .collect();
    conversation.system = Some(texts.join("\n\n"));
    conversation
}
