//! The progress of a reply, for whoever looks at a request while it is under way.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// The tokens of a reply so far. Its observer writes it after each flush, any thread may read it:
/// neither waits for the other.
#[derive(Debug, Default)]
pub struct ReplyProgress {
    tokens: AtomicU64,
    /// `tokens` is the reply's own count.
    is_exact: AtomicBool,
}

/// A number of tokens, and whether it counts the pieces of the reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokensSoFar {
    pub tokens: u64,
    pub is_estimated: bool,
}

impl TokensSoFar {
    /// Takes the reply's own count where it is not behind the pieces: some dialects begin with one
    /// of 0 or 1.
    pub fn of(counted: Option<u64>, pieces: u64) -> TokensSoFar {
        match counted {
            Some(tokens) if tokens >= pieces => TokensSoFar {
                tokens,
                is_estimated: false,
            },
            _ => TokensSoFar {
                tokens: pieces,
                is_estimated: pieces > 0,
            },
        }
    }
}

impl ReplyProgress {
    pub fn set(&self, so_far: TokensSoFar) {
        self.tokens.store(so_far.tokens, Relaxed);
        // Who sees that the count is exact sees the exact count.
        self.is_exact.store(!so_far.is_estimated, Release);
    }

    pub fn get(&self) -> TokensSoFar {
        let is_exact = self.is_exact.load(Acquire);
        let tokens = self.tokens.load(Relaxed);
        TokensSoFar {
            tokens,
            is_estimated: !is_exact && tokens > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_counted_until_the_reply_tells_its_own_number() {
        let progress = ReplyProgress::default();
        let mut told = Vec::new();
        for (counted, pieces) in [
            (None, 0),
            (Some(1), 0),
            (Some(1), 2),
            (None, 3),
            (Some(4), 3),
        ] {
            progress.set(TokensSoFar::of(counted, pieces));
            let TokensSoFar {
                tokens,
                is_estimated,
            } = progress.get();
            told.push((tokens, is_estimated));
        }
        let expected = [(0, false), (1, false), (2, true), (3, true), (4, false)];
        assert_eq!(told, expected);
    }
}
