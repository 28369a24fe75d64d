//! LOAD OPTIONS: what a model is loaded with, and what differs between two loads.
//!
//! Ollama loads a model again when one of these differs from the last load; all other options only
//! change how it answers.

use serde_json::{Value, json};

use super::seen::{Options, Seen};
use crate::http::route::{Dialect, Inference};

/// The options of a load as a request asks for them. `None` is Ollama's or the model's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    pub num_ctx: Option<i64>,
    pub num_batch: Option<i64>,
    pub num_gpu: Option<i64>,
    pub main_gpu: Option<i64>,
    pub num_thread: Option<i64>,
    pub draft_num_predict: Option<i64>,
    pub use_mmap: Option<bool>,
    /// The context may be shifted while a reply is written: not asked for is yes.
    pub no_shift: bool,
}

/// An option that differs from the last load; null is the default.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionChange {
    pub option: &'static str,
    pub from: Value,
    pub to: Value,
}

impl LoadOptions {
    /// What a request asks for. The routes of /v1 take no options.
    pub fn asked(endpoint: Inference, options: &Options) -> LoadOptions {
        if endpoint.dialect() != Dialect::Native {
            return LoadOptions::default();
        }
        LoadOptions {
            num_ctx: options.num_ctx,
            num_batch: options.num_batch,
            num_gpu: options.num_gpu.filter(|layers| *layers >= 0),
            main_gpu: options.main_gpu.filter(|gpu| *gpu != 0),
            num_thread: options.num_thread.filter(|threads| *threads != 0),
            draft_num_predict: options.draft_num_predict,
            use_mmap: options.use_mmap,
            no_shift: options.shift == Some(false),
        }
    }

    /// What an ended request asked for; `None` where its body was not read to its end.
    pub fn of(seen: &Seen) -> Option<LoadOptions> {
        let is_read = !seen.prompt.is_cut;
        is_read.then(|| LoadOptions::asked(seen.endpoint, &seen.options))
    }

    /// The options of a model loaded so, after a request that asked for `asked` without a load.
    pub fn kept(&self, asked: &LoadOptions) -> LoadOptions {
        LoadOptions {
            num_gpu: asked.num_gpu.or(self.num_gpu),
            ..asked.clone()
        }
    }

    /// What of `asked` loads a model again that was loaded so. `num_ctx` is compared only where
    /// `contexts`, the lengths that it was and is loaded with, are not known: defaults and the
    /// model's own limits hide in it.
    pub fn changes(&self, asked: &LoadOptions, contexts: Option<(u64, u64)>) -> Vec<OptionChange> {
        let context = match contexts {
            Some((from, to)) => change("num_ctx", from, to),
            None => change("num_ctx", self.num_ctx, asked.num_ctx),
        };
        let layers = asked.num_gpu.or(self.num_gpu);
        let changes = [
            context,
            change("num_batch", self.num_batch, asked.num_batch),
            change("num_gpu", self.num_gpu, layers),
            change("main_gpu", self.main_gpu, asked.main_gpu),
            change("num_thread", self.num_thread, asked.num_thread),
            change(
                "draft_num_predict",
                self.draft_num_predict,
                asked.draft_num_predict,
            ),
            change("use_mmap", self.use_mmap, asked.use_mmap),
            change("shift", !self.no_shift, !asked.no_shift),
        ];
        changes.into_iter().flatten().collect()
    }
}

impl OptionChange {
    /// Another length of the context (tokens).
    pub fn context(from: u64, to: u64) -> OptionChange {
        OptionChange {
            option: "num_ctx",
            from: from.into(),
            to: to.into(),
        }
    }

    /// The change as a field of a finding.
    pub fn to_json(&self) -> Value {
        json!({"option": self.option, "from": self.from, "to": self.to})
    }
}

fn change(
    option: &'static str,
    from: impl Into<Value>,
    to: impl Into<Value>,
) -> Option<OptionChange> {
    let (from, to) = (from.into(), to.into());
    (from != to).then_some(OptionChange { option, from, to })
}
