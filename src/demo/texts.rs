//! The texts that are "generated". Each begins with `DEMO_MARK`, because no model wrote it.

use crate::observe::category::categorize;

/// Precedes every text of a reply, thinking included.
pub const DEMO_MARK: &str = "(demo, no model was asked)";

/// Sentences that may follow, so that replies differ in length.
const FURTHER_SENTENCES: [&str; 4] = [
    "This text is the same for every prompt of its kind.",
    "Only its length, its speed and the time until its first word change from one request to the next.",
    "Ollama Tap measures and records it as it would a real one: see its metrics, its search and its statistics.",
    "Put a real Ollama behind the tap, and your applications will not notice the difference.",
];

/// Answers a prompt with an image.
pub const IMAGE_SENTENCE: &str =
    "A model that sees would describe your picture here; no model has looked at it.";

/// Builds a text that begins with this sentence, with `more` further ones.
pub fn text(sentence: &str, more: usize) -> String {
    let further = FURTHER_SENTENCES
        .iter()
        .take(more)
        .flat_map(|sentence| [" ", sentence]);
    [DEMO_MARK, " ", sentence]
        .into_iter()
        .chain(further)
        .collect()
}

/// Returns the text of the thinking.
pub fn thinking_text() -> String {
    format!(
        "{DEMO_MARK} The user asks for something. A model would turn it over here, word by word, before it says anything aloud."
    )
}

/// Chooses a sentence for the kind of work that the prompt asks for.
pub fn sentence(prompt: &str) -> &'static str {
    match categorize(Some(prompt)) {
        "summarize" => {
            "In short: a model would leave out all but the few points of your text that matter."
        }
        "translate" => {
            "A model would say the same in another language: dasselbe, la même chose, lo mismo, 同じこと."
        }
        "explain" => {
            "A model would begin with what you know already, and go on in small steps to what you do not."
        }
        "code_write" => {
            "A model would write code here:\n\n```python\ndef answer():\n    return \"a demo\"\n```\n\nand say how to run it."
        }
        "code_debug" => {
            "A model would look for the line that fails, say why it does, and show how to mend it."
        }
        "question" => {
            "A model would answer your question here, and with luck the answer would be right."
        }
        "creative" => {
            "Once upon a time a model would have made something up for you, with a beginning and an end."
        }
        "analyze" => {
            "A model would weigh what speaks for it against what speaks against it, and come to a careful end."
        }
        "help" => {
            "A model would ask back what exactly you need, and then list what you could try first."
        }
        "list" => {
            "A model would answer with a list:\n\n1. one thing\n2. another thing\n3. a third thing"
        }
        _ => "A model would have something to say to that.",
    }
}

/// Splits a text into tokens: words, each with the space before it.
pub fn tokens(text: &str) -> Vec<String> {
    let starts = text.match_indices(' ').map(|(at, _)| at);
    let bounds: Vec<usize> = std::iter::once(0)
        .chain(starts)
        .chain([text.len()])
        .collect();
    bounds
        .windows(2)
        .map(|bound| text[bound[0]..bound[1]].to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_marked_and_prompts_of_different_kinds_get_different_texts() {
        let prompts = [
            "summarize it",
            "translate it",
            "explain it",
            "write code",
            "fix it",
            "why?",
            "create it",
            "analyze",
            "help",
            "list",
            "hm",
        ];
        let texts: std::collections::BTreeSet<String> = prompts
            .iter()
            .map(|prompt| text(sentence(prompt), 0))
            .collect();
        assert_eq!(texts.len(), prompts.len());
        assert!(
            texts.iter().all(|text| text.starts_with(DEMO_MARK))
                && thinking_text().starts_with(DEMO_MARK)
        );
        assert!(text(IMAGE_SENTENCE, 4).len() > text(IMAGE_SENTENCE, 3).len());
    }

    #[test]
    fn the_tokens_of_a_text_join_to_the_text() {
        for text in [text("list", 2), String::new(), " x".to_owned()] {
            assert_eq!(tokens(&text).concat(), text);
        }
        assert_eq!(tokens("The sky is"), ["The", " sky", " is"]);
    }
}
