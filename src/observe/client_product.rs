//! The product that a client's User-Agent names, without its version.
//!
//! A User-Agent is `product/version (comment) library/version …`, where the product comes first.
//! Browsers, and programs that are built on one, begin with the words of others; they are told by
//! the token that is their own.

use super::text::prefix;
use crate::util::sanitize::is_harmful;

/// The longest name that a client may give itself, in characters.
pub const MAX_CLIENT_NAME: usize = 60;

/// Bytes of a User-Agent that are looked at.
const MAX_USER_AGENT: usize = 512;

/// The usual names of known programs, by the beginnings of their User-Agents in lower case.
const KNOWN: &[(&str, &str)] = &[
    ("aider", "aider"),
    ("anythingllm", "AnythingLLM"),
    ("claude-cli", "Claude Code"),
    ("claude-code", "Claude Code"),
    ("claude-vscode", "Claude Code"),
    ("cline", "Cline"),
    ("codex", "Codex"),
    ("codex-cli", "Codex"),
    ("codex_cli_rs", "Codex"),
    ("codex_exec", "Codex"),
    ("codex_vscode", "Codex"),
    ("continue", "Continue"),
    ("cursor", "Cursor"),
    ("geminicli", "Gemini CLI"),
    ("githubcopilotchat", "GitHub Copilot"),
    ("goose", "goose"),
    ("home assistant", "Home Assistant"),
    ("homeassistant", "Home Assistant"),
    ("kilo-code", "Kilo Code"),
    ("kilocode", "Kilo Code"),
    ("librechat", "LibreChat"),
    ("litellm", "LiteLLM"),
    ("n8n", "n8n"),
    ("ollama", "ollama"),
    ("ollama-js", "ollama-js"),
    ("ollama-python", "ollama-python"),
    ("ollama-tap", "ollama-tap"),
    ("open webui", "Open WebUI"),
    ("open-webui", "Open WebUI"),
    ("openwebui", "Open WebUI"),
    ("opencode", "opencode"),
    ("openhands", "OpenHands"),
    ("qwencode", "Qwen Code"),
    ("roo-code", "Roo Code"),
    ("roocode", "Roo Code"),
    ("zed", "Zed"),
    // Libraries and tools.
    ("ai-sdk", "AI SDK"),
    ("aiohttp", "aiohttp"),
    ("anthropic/js", "Anthropic JS"),
    ("anthropic/python", "Anthropic Python"),
    ("asyncanthropic/python", "Anthropic Python"),
    ("asyncopenai/python", "OpenAI Python"),
    ("axios", "axios"),
    ("bun", "Bun"),
    ("curl", "curl"),
    ("deno", "Deno"),
    ("go-http-client", "Go-http-client"),
    ("insomnia", "Insomnia"),
    ("java-http-client", "Java-http-client"),
    ("node", "node"),
    ("node-fetch", "node-fetch"),
    ("okhttp", "okhttp"),
    ("openai/js", "OpenAI JS"),
    ("openai/python", "OpenAI Python"),
    ("postmanruntime", "Postman"),
    ("python-httpx", "python-httpx"),
    ("python-requests", "python-requests"),
    ("python-urllib", "Python-urllib"),
    ("undici", "undici"),
    ("wget", "Wget"),
];

/// Browsers, the first of which counts where there are several: each names those that it is like.
const BROWSERS: &[(&str, &str)] = &[
    ("edg", "Edge"),
    ("opr", "Opera"),
    ("firefox", "Firefox"),
    ("chrome", "Chrome"),
    ("safari", "Safari"),
];

/// The products on which others are built: the product of what names one of them comes later.
const PLATFORMS: &[&str] = &[
    "applewebkit",
    "electron",
    "gecko",
    "mobile",
    "mozilla",
    "python",
    "version",
];

/// The product of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientProduct {
    /// At most `MAX_CLIENT_NAME` characters, none of which could do harm on a terminal.
    pub name: String,
    pub version: Option<String>,
    /// The name is one of our own list, and not what a client may call itself.
    pub is_known: bool,
}

impl ClientProduct {
    /// Returns the product that `user_agent` names, if it names one.
    pub fn of(user_agent: &str) -> Option<ClientProduct> {
        let words = words(prefix(user_agent, MAX_USER_AGENT));
        let own = words
            .iter()
            .find(|word| !PLATFORMS.contains(&&*lower_name(word)) && browser(word).is_none());
        if let Some(word) = own {
            return ClientProduct::at(word);
        }
        let browsers = BROWSERS.iter();
        let named = browsers.filter_map(|(token, name)| {
            let word = words.iter().find(|word| lower_name(word) == *token)?;
            Some(ClientProduct::known(name, &word[token.len()..]))
        });
        named
            .chain(words.first().and_then(|word| ClientProduct::at(word)))
            .next()
    }

    /// Returns the product that stands at the beginning of `text`.
    fn at(text: &str) -> Option<ClientProduct> {
        let lower = text.to_ascii_lowercase();
        let known = KNOWN
            .iter()
            .filter(|(token, _)| starts_with_token(&lower, token));
        if let Some((token, name)) = known.max_by_key(|(token, _)| token.len()) {
            return Some(ClientProduct::known(name, &text[token.len()..]));
        }
        let word = text.split_whitespace().next()?;
        let (name, version) = word.split_once('/').unwrap_or((word, ""));
        Some(ClientProduct {
            name: client_name(name)?,
            version: self::version(version),
            is_known: false,
        })
    }

    /// Returns the product of our list with the version that `rest` begins with, if it does.
    fn known(name: &str, rest: &str) -> ClientProduct {
        ClientProduct {
            name: name.to_owned(),
            version: version(rest),
            is_known: true,
        }
    }
}

/// Returns the name of a client, which is `named` where that is there, and the version of its product.
pub fn name_and_version(
    named: Option<&str>,
    user_agent: Option<&str>,
) -> (Option<String>, Option<String>) {
    let product = user_agent.and_then(ClientProduct::of);
    let (name, version) = product.map(|of| (of.name, of.version)).unzip();
    (named.map(str::to_owned).or(name), version.flatten())
}

/// Returns a name that a client gives itself as it may be shown, if anything is left of it.
pub fn client_name(text: &str) -> Option<String> {
    let harmless = text.chars().filter(|c| !is_harmful(*c));
    let name: String = harmless.take(MAX_CLIENT_NAME).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Returns the words outside of parentheses, each with all that follows it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut depth, mut is_between) = (0_usize, true);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if is_between && depth == 0 && !c.is_whitespace() => words.push(&text[at..]),
            _ => {}
        }
        is_between = c.is_whitespace() || c == ')';
    }
    words
}

/// Returns the name of the product that `text` begins with, in lower case.
fn lower_name(text: &str) -> String {
    let is_end = |c: char| c == '/' || c.is_whitespace();
    text.split(is_end)
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

fn browser(word: &str) -> Option<&'static str> {
    let name = lower_name(word);
    let found = BROWSERS.iter().find(|(token, _)| *token == name);
    found.map(|(_, name)| *name)
}

fn starts_with_token(text: &str, token: &str) -> bool {
    let rest = text.strip_prefix(token);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ' ', '\t', '(', ';']))
}

/// Returns the version that `text` begins with, after a slash or a blank.
fn version(text: &str) -> Option<String> {
    let text = text.trim_start_matches(['/', ' ']);
    let word = text.split_whitespace().next()?;
    let last = word.rsplit('/').next()?;
    let is_version = last
        .trim_start_matches('v')
        .starts_with(|c: char| c.is_ascii_digit());
    client_name(last).filter(|_| is_version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_client_is_named_by_its_product_without_the_version() {
        for (user_agent, name, version, is_known) in [
            ("curl/8.5.0", "curl", "8.5.0", true),
            (
                "ollama-python/0.6.3 (x86_64 linux) Python/3.12",
                "ollama-python",
                "0.6.3",
                true,
            ),
            (
                "ollama/0.40.0 (amd64 linux) Go/go1.25",
                "ollama",
                "0.40.0",
                true,
            ),
            (
                "claude-cli/2.1.80 (external, cli)",
                "Claude Code",
                "2.1.80",
                true,
            ),
            (
                "codex_cli_rs/0.80.0 (Mac OS 15.6; arm64) iTerm.app/3.5",
                "Codex",
                "0.80.0",
                true,
            ),
            ("OpenAI/Python 1.109.1", "OpenAI Python", "1.109.1", true),
            (
                "AsyncAnthropic/Python 0.39.0",
                "Anthropic Python",
                "0.39.0",
                true,
            ),
            ("Python/3.11 aiohttp/3.11.8", "aiohttp", "3.11.8", true),
            ("Python/3.11", "Python", "3.11", false),
            ("Open WebUI (https://openwebui.com)", "Open WebUI", "", true),
            (
                "HomeAssistant/2026.1 httpx/0.28",
                "Home Assistant",
                "2026.1",
                true,
            ),
            (
                "ai-sdk/openai-compatible/1.0.18 runtime/bun/1.2",
                "AI SDK",
                "1.0.18",
                true,
            ),
            ("My-Tool/7 (box) lib/1", "My-Tool", "7", false),
            (" a\tb", "a", "", false),
            ("ollamaless/1.2", "ollamaless", "1.2", false),
            ("tool/latest", "tool", "", false),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox",
                "140.0",
                true,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36 Edg/141.2",
                "Edge",
                "141.2",
                true,
            ),
            (
                "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko) Notes/1.9 Chrome/130 Electron/33 Safari/537.36",
                "Notes",
                "1.9",
                false,
            ),
            ("Mozilla/5.0 (compatible)", "Mozilla", "5.0", false),
        ] {
            let version = Some(version.to_owned()).filter(|version| !version.is_empty());
            let product = ClientProduct {
                name: name.to_owned(),
                version,
                is_known,
            };
            assert_eq!(ClientProduct::of(user_agent), Some(product), "{user_agent}");
        }
        for nameless in ["", "  ", "(comment)", "\u{7}"] {
            assert_eq!(ClientProduct::of(nameless), None, "{nameless:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_short_and_harmless(user_agent in "\\PC{0,80}|[a-z/() \u{0}-\u{20}]{0,700}") {
            if let Some(product) = ClientProduct::of(&user_agent) {
                let name = product.name;
                prop_assert!(!name.is_empty() && name.chars().count() <= MAX_CLIENT_NAME);
                prop_assert!(!name.contains(is_harmful), "{name:?}");
            }
        }
    }
}
