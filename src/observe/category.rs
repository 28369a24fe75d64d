//! The kind of work that a prompt asks for: the label `prompt_category`.
//!
//! Plain substrings in a fixed order, in any case; the first match wins. The rules are those of the
//! exporter that came before the tap, so that old dashboards keep working; they are crude on
//! purpose ("show" asks a `how`), and cheap enough for a prompt of a megabyte.

/// All categories, in the order of the rules.
pub const CATEGORIES: [&str; 12] = [
    "summarize",
    "translate",
    "explain",
    "code_write",
    "code_debug",
    "question",
    "creative",
    "analyze",
    "help",
    "list",
    "empty",
    "other",
];

/// Returns the category of `prompt`; without a prompt, `empty`.
pub fn categorize(prompt: Option<&str>) -> &'static str {
    let prompt = prompt.unwrap_or_default().to_ascii_lowercase();
    if prompt.trim().is_empty() {
        return "empty";
    }
    let rule = RULES.iter().find(|(_, rule)| rule.matches(&prompt));
    rule.map_or("other", |(category, _)| category)
}

/// The rule of a category.
enum Rule {
    /// The prompt contains one of these words.
    Words(&'static [&'static str]),
    /// A line of the prompt contains "write", and then "code".
    WriteCode,
}

/// The rules in their order.
const RULES: [(&str, Rule); 10] = [
    ("summarize", Rule::Words(&["summar"])),
    ("translate", Rule::Words(&["translat"])),
    ("explain", Rule::Words(&["explain"])),
    ("code_write", Rule::WriteCode),
    ("code_debug", Rule::Words(&["debug", "fix"])),
    (
        "question",
        Rule::Words(&["question", "what", "how", "why", "when"]),
    ),
    ("creative", Rule::Words(&["creat", "generat"])),
    ("analyze", Rule::Words(&["analy"])),
    ("help", Rule::Words(&["help"])),
    ("list", Rule::Words(&["list", "enumerate"])),
];

impl Rule {
    /// Returns whether the rule matches `prompt`, which is in lower case.
    fn matches(&self, prompt: &str) -> bool {
        match self {
            Rule::Words(words) => words.iter().any(|word| prompt.contains(word)),
            Rule::WriteCode => prompt.split('\n').any(asks_for_code),
        }
    }
}

fn asks_for_code(line: &str) -> bool {
    line.split_once("write")
        .is_some_and(|(_, rest)| rest.contains("code"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_words_in_any_case() {
        let rules = [
            ("SUMMARise this", "summarize"),
            ("please Translate", "translate"),
            ("Explain it", "explain"),
            ("Write me some Code", "code_write"),
            ("rewrite the decoder", "code_write"),
            ("debug it", "code_debug"),
            ("a prefix", "code_debug"),
            ("my question", "question"),
            ("WHAT", "question"),
            ("show me", "question"),
            ("why", "question"),
            ("whenever", "question"),
            ("create a poem", "creative"),
            ("degenerate", "creative"),
            ("analyze", "analyze"),
            ("analysis", "analyze"),
            ("help", "help"),
            ("listen", "list"),
            ("ENUMERATE", "list"),
            ("hello", "other"),
            ("空は青い", "other"),
        ];
        for (prompt, expected) in rules {
            assert_eq!(categorize(Some(prompt)), expected, "{prompt:?}");
        }
    }

    #[test]
    fn a_missing_and_a_blank_prompt_are_empty() {
        assert_eq!(categorize(None), "empty");
        assert_eq!(categorize(Some("")), "empty");
        assert_eq!(categorize(Some(" \n\t")), "empty");
    }

    #[test]
    fn the_first_rule_wins_wherever_its_word_stands() {
        let words = [
            "summary",
            "translation",
            "explain",
            "write code",
            "debug",
            "what",
            "create",
            "analyse",
            "help",
            "list",
        ];
        for (first, expected) in CATEGORIES.iter().take(words.len()).enumerate() {
            let mut prompt: Vec<&str> = words[first..].to_vec();
            prompt.reverse();
            assert_eq!(categorize(Some(&prompt.join("\n"))), *expected);
        }
    }

    #[test]
    fn write_and_code_count_only_in_this_order_and_on_one_line() {
        assert_eq!(categorize(Some("write\ncode")), "other");
        assert_eq!(categorize(Some("code to write")), "other");
        assert_eq!(categorize(Some("a\nwrite a lot of code\nb")), "code_write");
        assert_eq!(categorize(Some("write\r code")), "code_write");
    }

    #[test]
    fn every_category_is_one_of_the_list() {
        for prompt in [
            "",
            "x",
            "summar",
            "translat",
            "explain",
            "write code",
            "fix",
            "how",
            "creat",
            "analy",
            "help",
            "list",
        ] {
            assert!(CATEGORIES.contains(&categorize(Some(prompt))));
        }
    }
}
