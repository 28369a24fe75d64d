//! The stand-in's models: what they can do, how fast they are, and what they take of its GPUs.

/// Tokens that a context has where a request does not ask for more, and the most that it can have.
const CONTEXT_LENGTH: u64 = 4096;
const CONTEXT_LENGTH_MAX: u64 = 32_768;

/// Bytes that a token of the context takes of the memory beside the model.
const CONTEXT_TOKEN_BYTES: u64 = 128 << 10;

pub struct Model {
    /// Without its tag, which is `latest`.
    pub name: &'static str,
    pub capabilities: &'static [&'static str],
    pub parameters: &'static str,
    /// Bytes on disk.
    pub size: u64,
    pub tokens_per_second: f64,
    pub load_seconds: f64,
    /// Requests that it answers at the same time.
    pub places: usize,
    /// The small models share a GPU. This one takes the other alone, and pushes out whatever is
    /// there.
    pub is_large: bool,
    /// Each second load finds too little VRAM for it, and a part of it runs on the CPU.
    pub spills: bool,
    /// One request in many meets a crash of its process.
    pub crashes: bool,
}

const SMALL: Model = Model {
    name: "",
    capabilities: &["completion"],
    parameters: "",
    size: 0,
    tokens_per_second: 0.0,
    load_seconds: 0.0,
    places: 4,
    is_large: false,
    spills: false,
    crashes: false,
};

pub const MODELS: [Model; 6] = [
    Model {
        name: "demo-chat",
        parameters: "8.0B",
        size: 4_920_753_328,
        tokens_per_second: 42.0,
        load_seconds: 1.5,
        crashes: true,
        ..SMALL
    },
    Model {
        name: "demo-think",
        capabilities: &["completion", "thinking"],
        parameters: "14.8B",
        size: 9_276_198_565,
        tokens_per_second: 28.0,
        load_seconds: 2.4,
        ..SMALL
    },
    Model {
        name: "demo-tools",
        capabilities: &["completion", "tools"],
        parameters: "7.6B",
        size: 4_683_087_332,
        tokens_per_second: 36.0,
        load_seconds: 1.8,
        ..SMALL
    },
    Model {
        name: "demo-embed",
        capabilities: &["embedding"],
        parameters: "137M",
        size: 274_302_450,
        tokens_per_second: 900.0,
        load_seconds: 0.6,
        ..SMALL
    },
    Model {
        name: "demo-large",
        parameters: "32.8B",
        size: 20_201_253_588,
        tokens_per_second: 18.0,
        load_seconds: 2.6,
        places: 1,
        is_large: true,
        ..SMALL
    },
    Model {
        name: "demo-coder",
        parameters: "30.5B",
        size: 18_556_699_314,
        tokens_per_second: 24.0,
        load_seconds: 2.2,
        places: 1,
        is_large: true,
        spills: true,
        ..SMALL
    },
];

impl Model {
    /// The model of this name, which may have the tag and comes in any case.
    pub fn named(name: &str) -> Option<&'static Model> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(":latest").unwrap_or(&name);
        MODELS.iter().find(|model| model.name == name)
    }

    pub fn can(&self, what: &str) -> bool {
        self.capabilities.contains(&what)
    }

    pub fn full_name(&self) -> String {
        format!("{}:latest", self.name)
    }

    /// Returns the most tokens that its context can have.
    pub fn context_length_max(&self) -> u64 {
        match self.can("embedding") {
            true => CONTEXT_LENGTH / 2,
            false => CONTEXT_LENGTH_MAX,
        }
    }

    /// Returns the tokens of the context that a request for `num_ctx` of them gets.
    pub fn context_length(&self, num_ctx: Option<u64>) -> u64 {
        num_ctx
            .unwrap_or(CONTEXT_LENGTH)
            .clamp(4, self.context_length_max())
    }

    /// Returns the bytes that it takes in memory with this context.
    pub fn loaded_size(&self, context_length: u64) -> u64 {
        self.size + context_length * CONTEXT_TOKEN_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_with_and_without_its_tag_in_any_case() {
        for name in ["demo-chat", "demo-chat:latest", "Demo-Chat"] {
            assert_eq!(
                Model::named(name).map(|model| model.name),
                Some("demo-chat"),
                "{name}"
            );
        }
        assert!(Model::named("demo-chat:7b").is_none() && Model::named("").is_none());
    }

    #[test]
    fn a_context_is_as_long_as_was_asked_for_up_to_what_the_model_can_have() {
        let [chat, .., embed, _, _] = &MODELS;
        assert_eq!(chat.context_length(None), 4096);
        assert_eq!(chat.context_length(Some(8192)), 8192);
        assert_eq!(chat.context_length(Some(1 << 40)), 32_768);
        assert_eq!(embed.context_length(None), 2048);
    }
}
