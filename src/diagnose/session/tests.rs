//! Conversations that are told apart and joined.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::diagnose::prompt::{Message, MessageRole, Prompt, hash_of_reply};
use crate::diagnose::seen::{Options, Reply, Times};
use crate::diagnose::tests::recorded::cases;

/// A request of a chat: `s:`, `u:`, `a:` and `t:` before each text say whose it is.
fn chat(texts: &[&str]) -> Seen {
    let messages = texts.iter().map(|text| message(text)).collect();
    Seen {
        interaction_id: String::new(),
        endpoint: Inference::Chat,
        model: "m".to_owned(),
        client: Some("curl".to_owned()),
        arrived: SystemTime::UNIX_EPOCH,
        prompt: Prompt {
            messages,
            ..Prompt::default()
        },
        options: Options::default(),
        reply: Reply::default(),
        times: Times::default(),
        loaded: None,
    }
}

fn message(text: &str) -> Message {
    let (role, text) = text.split_once(':').unwrap();
    let role = match role {
        "s" => MessageRole::System,
        "u" => MessageRole::User,
        "a" => MessageRole::Assistant,
        _ => MessageRole::Tool,
    };
    let hash = keys().hash_one((role, text));
    Message {
        role,
        hash,
        ..Message::default()
    }
}

fn at(seconds: u64, seen: Seen) -> Seen {
    Seen {
        arrived: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        ..seen
    }
}

fn told(id: &str) -> SessionHints {
    SessionHints {
        told: Some(id.to_owned()),
        ..SessionHints::default()
    }
}

/// Assigns the requests in turn, all of one client that tells nothing.
fn guess(requests: &[Seen]) -> Vec<Session> {
    let mut sessions = Sessions::default();
    let hints = SessionHints::default();
    let assigned = requests
        .iter()
        .map(|seen| sessions.assign(seen, None, &hints).unwrap());
    assigned.collect()
}

/// Whether the last of these requests is of the session of the first, and of its branch.
fn follows(requests: &[Seen]) -> (bool, bool) {
    let sessions = guess(requests);
    let (first, last) = (&sessions[0], sessions.last().unwrap());
    (first.id == last.id, first.branch == last.branch)
}

const BOTH: (bool, bool) = (true, true);
const SESSION_ALONE: (bool, bool) = (true, false);
const NEITHER: (bool, bool) = (false, false);

#[test]
fn a_chat_that_goes_on_is_one_session() {
    let first = || chat(&["s:be kind", "u:hello"]);
    let longer = ["u:hello", "a:hi", "u:why?"];
    assert_eq!(follows(&[first(), chat(&longer)]), BOTH);
    let other_system = ["s:it is 14:03", "u:hello", "a:hi", "u:why?"];
    assert_eq!(follows(&[first(), chat(&other_system)]), BOTH);
    let with_tools = ["u:hello", "t:4", "a:hi", "t:7", "u:why?"];
    assert_eq!(follows(&[first(), chat(&with_tools)]), BOTH);
    assert_eq!(follows(&[first(), first()]), BOTH);
    assert_eq!(follows(&[first(), chat(&["u:good day"])]), NEITHER);
    let session = &guess(&[first()])[0];
    assert!(session.is_guessed);
    assert_eq!(session.id.len(), 16);
    assert!(session.id.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn a_turn_that_was_edited_is_of_the_session_and_of_no_branch() {
    let asked = ["u:hello", "a:hi", "u:why?"];
    let edited = ["u:hello", "a:hi", "u:how?"];
    assert_eq!(follows(&[chat(&asked), chat(&edited)]), SESSION_ALONE);
    let mut turns = vec![chat(&asked), chat(&edited)];
    turns.push(chat(&["u:hello", "a:hi", "u:how?", "a:so", "u:well"]));
    let sessions = guess(&turns);
    assert_eq!(sessions[1], sessions[2]);
}

#[test]
fn a_history_that_was_changed_is_gone_on_from() {
    let asked = chat(&["u:hello", "a:<think>hm</think>hi", "u:why?"]);
    let stripped = ["u:hello", "a:hi", "u:why?", "a:so", "u:well"];
    assert_eq!(follows(&[asked, chat(&stripped)]), BOTH);
    let mut asked = chat(&["u:hello", "a:hi", "u:page one, why?"]);
    asked.reply.text = Some(message("a:so").hash);
    assert_eq!(follows(&[asked, chat(&stripped)]), BOTH);
    let asked = chat(&["u:hello", "a:hi", "u:other"]);
    assert_eq!(follows(&[asked, chat(&stripped)]), SESSION_ALONE);
    let long = ["u:1", "a:2", "u:3", "a:4", "u:5"];
    let edited = ["u:one", "a:2", "u:3", "a:4", "u:5"];
    assert_eq!(follows(&[chat(&long), chat(&edited)]), BOTH);
}

#[test]
fn a_new_chat_that_begins_with_the_same_words_is_another() {
    let long = ["u:hello", "a:hi", "u:why?"];
    assert_eq!(follows(&[chat(&long), chat(&["u:hello"])]), NEITHER);
    // Each goes on from its own.
    let more = ["u:hello", "a:hi", "u:why?", "a:so", "u:well"];
    let other = ["u:hello", "a:hey", "u:why?"];
    let turns = [&long[..], &["u:hello"], &more, &other];
    let sessions = guess(&turns.map(chat));
    assert_eq!(sessions[2], sessions[0]);
    assert_eq!(sessions[3], sessions[1]);
    assert_ne!(sessions[0].id, sessions[1].id);
}

#[test]
fn chats_that_differ_in_their_system_prompts_have_branches_of_their_own() {
    let turns: [&[&str]; 6] = [
        &["s:one", "u:hello"],
        &["s:two", "u:hello"],
        &["s:one", "u:hello", "a:hi", "u:why?"],
        &["s:two", "u:hello", "a:hi", "u:why?"],
        &["s:one", "u:hello", "a:hi", "u:why?", "a:so", "u:well"],
        &["s:two", "u:hello", "a:hi", "u:why?", "a:so", "u:well"],
    ];
    let sessions = guess(&turns.map(chat));
    for (turn, session) in sessions.iter().enumerate() {
        assert_eq!(*session, sessions[turn % 2], "{turn}");
    }
    assert_ne!(sessions[0].branch, sessions[1].branch);
}

#[test]
fn an_hour_of_silence_ends_a_session_that_is_guessed() {
    let turns = |seconds| [chat(&["u:hello"]), at(seconds, chat(&["u:hello"]))];
    assert_eq!(follows(&turns(3600)), BOTH);
    assert_eq!(follows(&turns(3601)), NEITHER);
    // A clock that was set back ends none.
    let [first, last] = turns(7200);
    assert_eq!(follows(&[last, first]), BOTH);
    let mut sessions = Sessions::default();
    let mut say = |seen| sessions.assign(&seen, None, &told("x")).unwrap();
    let [first, last] = turns(7200);
    assert_eq!(say(first), say(last));
}

#[test]
fn sessions_of_other_clients_are_others() {
    let mut sessions = Sessions::default();
    let mut id = |client: &str, ip: &str| {
        let seen = Seen {
            client: Some(client.to_owned()),
            ..chat(&["u:hello"])
        };
        let ip = ip.parse().ok();
        let hints = SessionHints::default();
        sessions.assign(&seen, ip, &hints).unwrap().id
    };
    let first = id("curl", "192.0.2.7");
    assert_ne!(id("curl", "192.0.2.8"), first);
    assert_ne!(id("Codex", "192.0.2.7"), first);
    assert_eq!(id("curl", "192.0.2.7"), first);
}

#[test]
fn what_a_client_says_counts_more_than_its_messages() {
    let mut sessions = Sessions::default();
    let mut say = |texts: &[&str], id| sessions.assign(&chat(texts), None, &told(id)).unwrap();
    let first = say(&["u:hello"], "chat 1");
    assert_eq!((first.id.as_str(), first.is_guessed), ("chat 1", false));
    let title = say(&["u:find a title for: hello"], "chat 1");
    assert_eq!(title.id, "chat 1");
    assert_ne!(title.branch, first.branch);
    assert_eq!(say(&["u:hello", "a:hi", "u:why?"], "chat 1"), first);
    assert_ne!(say(&["u:hello"], "chat 2").branch, first.branch);
}

#[test]
fn a_response_that_is_gone_on_from_tells_the_session() {
    let mut sessions = Sessions::default();
    let hints = |previous: Option<&str>, response: &str| SessionHints {
        told: None,
        previous_response: previous.and_then(hints::response_hash),
        response: hints::response_hash(response),
    };
    let seen = |text| Seen {
        endpoint: Inference::V1Responses,
        ..chat(&[text])
    };
    let mut say = |text, hints| sessions.assign(&seen(text), None, &hints).unwrap();
    let first = say("u:hello", hints(None, "resp_1"));
    let second = say("u:why?", hints(Some("resp_1"), "resp_2"));
    let third = say("u:well", hints(Some("resp_2"), "resp_3"));
    assert_eq!((&second.id, &third.id), (&first.id, &first.id));
    assert!(first.is_guessed && !second.is_guessed && !third.is_guessed);
    assert_ne!(say("u:so", hints(Some("resp_9"), "resp_4")).id, first.id);
}

#[test]
fn prompts_without_messages_are_joined_by_model_and_endpoint() {
    let prompt = |text, model: &str, endpoint| Seen {
        model: model.to_owned(),
        endpoint,
        ..chat(&[text])
    };
    use Inference::{Generate, V1Completions};
    let sessions = guess(&[
        prompt("u:one", "m", Generate),
        prompt("u:two", "m", Generate),
        prompt("u:two", "m", Generate),
        prompt("u:two", "n", Generate),
        prompt("u:two", "m", V1Completions),
        chat(&["u:two"]),
    ]);
    let ids: Vec<&str> = sessions.iter().map(|one| one.id.as_str()).collect();
    assert_eq!((ids[1], ids[2]), (ids[0], ids[0]));
    let others = [ids[0], ids[3], ids[4], ids[5]];
    assert_eq!(others.iter().collect::<BTreeSet<_>>().len(), 4);
    // Prompts that share nothing break no cache.
    assert_ne!(sessions[1].branch, sessions[0].branch);
    assert_eq!(sessions[2].branch, sessions[1].branch);
}

#[test]
fn what_has_no_text_has_no_session() {
    let mut sessions = Sessions::default();
    for endpoint in Inference::ALL {
        let has_text = !endpoint.is_embedding()
            && !endpoint.is_image()
            && endpoint != Inference::V1Transcriptions;
        let seen = Seen {
            endpoint,
            ..chat(&["u:hello"])
        };
        let session = sessions.assign(&seen, None, &told("x"));
        assert_eq!(session.is_some(), has_text, "{endpoint:?}");
    }
    let unread = chat(&[]);
    assert_eq!(
        sessions.assign(&unread, None, &SessionHints::default()),
        None
    );
    let session = sessions.assign(&unread, None, &told("x")).unwrap();
    assert_eq!(session.id, "x");
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut sessions = Sessions::default();
    for number in 0..2 * RESPONSES_MAX as u64 {
        let seen = chat(&[&format!("u:{number}")]);
        let hints = SessionHints {
            told: (number % 2 == 0).then(|| number.to_string()),
            response: Some(number),
            ..SessionHints::default()
        };
        sessions.assign(&seen, None, &hints);
    }
    assert!(sessions.responses.len() <= RESPONSES_MAX);
    assert!(sessions.owners.len() <= OWNERS_MAX);
    let client = keys().hash_one(("client", Some("curl"), None::<IpAddr>));
    assert_eq!(sessions.owners.entry(client).len(), BRANCHES_MAX);
}

#[test]
fn a_reply_that_is_sent_back_has_the_hash_of_the_reply() {
    let mut asked = chat(&["u:hello"]);
    asked.reply.text = Some(hash_of_reply("hi", keys()));
    let mut next = chat(&["u:changed", "a:", "u:why?"]);
    next.prompt.messages[1].hash = hash_of_reply("hi", keys());
    let mut sessions = Sessions::default();
    let mut say = |seen| sessions.assign(&seen, None, &told("x")).unwrap();
    assert_eq!(say(asked).branch, say(next).branch);
}

#[test]
fn the_recorded_chats_are_a_session_each() {
    let mut turns = cases("conversations", keys());
    // As if one client had them all at once.
    turns.sort_by_key(|case| (case.number("turn"), case.name.clone()));
    let mut sessions = Sessions::default();
    let mut found: BTreeMap<String, Vec<Session>> = BTreeMap::new();
    for case in turns {
        let session = sessions.assign(&case.seen, None, &SessionHints::default());
        let chat = case.label["conversation"].as_str().unwrap().to_owned();
        found.entry(chat).or_default().push(session.unwrap());
    }
    // A client that forgets its first message begins anew.
    assert_eq!(found.remove("client-trims").unwrap().len(), 10);
    let ids: BTreeSet<&str> = found.values().map(|chat| chat[0].id.as_str()).collect();
    assert_eq!((ids.len(), found.len()), (4, 4));
    for (chat, turns) in &found {
        assert!(turns.iter().all(|turn| *turn == turns[0]), "{chat}");
    }
}

proptest! {
    #[test]
    fn chats_of_one_client_that_take_turns_keep_their_sessions(
        order in prop::collection::vec(0_usize..8, 1..64),
        clock: bool,
    ) {
        let mut sessions = Sessions::default();
        let hints = SessionHints::default();
        let mut chats: Vec<Vec<String>> = (0..8).map(|n| vec![format!("u:chat {n}")]).collect();
        let mut first: Vec<Option<Session>> = vec![None; 8];
        for (turn, which) in order.into_iter().enumerate() {
            let system = format!("s:turn {}", if clock { turn } else { 0 });
            let texts: Vec<&str> = chats[which].iter().map(String::as_str).collect();
            let seen = chat(&[&[system.as_str()], &texts[..]].concat());
            let session = sessions.assign(&seen, None, &hints).unwrap();
            let expected = first[which].get_or_insert_with(|| session.clone());
            prop_assert_eq!(&session, &*expected);
            // The same reply and the same question in all of them.
            chats[which].extend(["a:yes".to_owned(), "u:go on".to_owned()]);
        }
        let mut ids: Vec<String> = first.into_iter().flatten().map(|one| one.id).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), count);
    }
}
