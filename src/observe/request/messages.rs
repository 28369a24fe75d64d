//! The messages of a request: for `diagnose` measured and hashed while they are read, for the record
//! kept as far as there is room.

use super::kept::{self, ConversationReader};
use crate::diagnose::fingerprint::{Fingerprint, Printer};
use crate::diagnose::prompt::{MessageRole, Prompt, PromptReader, keys};
use crate::observe::conversation::Conversation;

/// Takes messages one after the other, the text of each in pieces.
pub struct MessageReader {
    prompt: Prompt,
    printer: Printer,
    /// `None` where texts are kept elsewhere, as a prompt is.
    kept: Option<ConversationReader>,
    /// The message that is being read.
    reader: PromptReader,
    role: MessageRole,
    is_empty: bool,
    /// Its text has begun.
    has_text: bool,
    /// Results of tools that stood in it are messages of their own.
    has_results: bool,
}

impl Default for MessageReader {
    fn default() -> MessageReader {
        MessageReader {
            prompt: Prompt::default(),
            printer: Printer::new(keys()),
            kept: None,
            reader: PromptReader::new(keys()),
            role: MessageRole::Other,
            is_empty: true,
            has_text: false,
            has_results: false,
        }
    }
}

impl MessageReader {
    /// Makes one that keeps texts.
    pub fn keeping() -> MessageReader {
        MessageReader {
            kept: Some(ConversationReader::default()),
            ..MessageReader::default()
        }
    }

    /// Returns what keeps the texts.
    pub fn kept(&mut self) -> Option<&mut ConversationReader> {
        self.kept.as_mut()
    }

    pub fn role(&mut self, role: MessageRole) {
        self.role = role;
    }

    pub fn text(&mut self, piece: &str) {
        self.reader.text(piece);
        self.printer.text(piece);
        self.is_empty &= piece.is_empty();
        if let Some(kept) = &mut self.kept {
            kept.text(piece);
        }
    }

    /// Takes a part of the text.
    pub fn line(&mut self, text: &str) {
        if let Some(kept) = &mut self.kept {
            kept.new_line();
        }
        self.text(text);
    }

    /// Begins a text, which counts in place of one that the message had before.
    pub fn begin_text(&mut self) {
        if self.has_text {
            self.reader.restart(keys());
            self.printer.restart();
            if let Some(kept) = &mut self.kept {
                kept.restart_text();
            }
        }
        self.has_text = true;
    }

    /// Takes a message that is only a text.
    pub fn whole(&mut self, role: MessageRole, text: &str) {
        self.role = role;
        self.text(text);
        self.end();
    }

    pub fn image(&mut self) {
        self.reader.image();
        self.is_empty = false;
        if let Some(kept) = &mut self.kept {
            kept.image();
        }
    }

    pub fn thinking(&mut self) {
        self.reader.thinking();
        self.is_empty = false;
    }

    pub fn tool_call(&mut self) {
        self.reader.tool_call();
        self.is_empty = false;
    }

    /// Takes a piece of a picture or of a tool call.
    pub fn beside(&mut self, piece: &str) {
        self.reader.beside(piece);
    }

    /// Begins a tool's result among the parts of a message, as Anthropic's user messages have them:
    /// a message of its own, as Ollama makes it one. Returns the role of the message around it.
    pub fn begin_result(&mut self) -> MessageRole {
        let around = self.role;
        if !self.is_empty {
            self.end();
        }
        self.role = MessageRole::Tool;
        around
    }

    pub fn end_result(&mut self, around: MessageRole) {
        self.end();
        self.role = around;
        self.has_results = true;
    }

    /// Ends the message, unless nothing is left of it beside the results of tools.
    pub fn end(&mut self) {
        if !(self.is_empty && self.has_results) {
            let mut reader = std::mem::replace(&mut self.reader, PromptReader::new(keys()));
            reader.role(self.role);
            self.prompt.push(reader.end());
            self.printer.message(self.role);
            if let Some(kept) = &mut self.kept {
                kept.end(self.role);
            }
        } else if let Some(kept) = &mut self.kept {
            kept.discard();
        }
        self.role = MessageRole::Other;
        self.is_empty = true;
        self.has_text = false;
        self.has_results = false;
    }

    /// Ends the message that the end of the body has cut off, if there is one.
    pub fn end_cut(&mut self) {
        if !self.is_empty {
            self.end();
        }
    }

    fn finish(self) -> (Prompt, Fingerprint, Option<ConversationReader>) {
        (self.prompt, self.printer.end(), self.kept)
    }
}

/// Puts the system prompt that stands beside the messages before them.
pub fn join(
    system: MessageReader,
    spoken: MessageReader,
) -> (Prompt, Vec<Fingerprint>, Conversation) {
    let (mut prompt, system, beside) = system.finish();
    let (rest, spoken, kept) = spoken.finish();
    prompt.is_folded |= rest.is_folded;
    for message in rest.messages {
        prompt.push(message);
    }
    (prompt, vec![system, spoken], kept::join(beside, kept))
}
