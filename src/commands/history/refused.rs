//! What a tap says of tokens in words of HTTP, in those of the command line.

use crate::pages::{NO_TOKEN, WRONG_TOKEN};

/// The tap's error as a user of commands understands it.
pub fn in_our_words(error: String) -> String {
    if error.contains(WRONG_TOKEN) {
        "the token given here, by --token or OLLAMA_TAP_TOKEN, is not the tap's: give the one that it was started with".to_owned()
    } else if error.contains(NO_TOKEN) {
        "it needs a token: give the one that it was started with by OLLAMA_TAP_TOKEN or --token, or run the command as the user who started it".to_owned()
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_token_is_not_a_missing_one() {
        let told = |why: &str| in_our_words(format!("the history is private: {why}; send it"));
        assert!(told(WRONG_TOKEN).contains("is not the tap's"));
        assert!(told(NO_TOKEN).starts_with("it needs a token"));
        assert!(told("the Host header names no loopback address").starts_with("the history"));
    }
}
