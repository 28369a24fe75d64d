//! What looks like a cut and is none: nothing is said of it.

use super::labels::verdict;
use super::recorded::{Case, cases};
use crate::diagnose::Certainty;
use crate::diagnose::context::said::Line;
use crate::diagnose::context::{Memory, findings};
use crate::diagnose::prompt::Keys;
use crate::diagnose::seen::Loaded;

fn group(name: &str) -> Vec<Case> {
    let mut group = cases("cuts", &Keys::new());
    group.retain(|case| case.label["group"] == name);
    assert!(!group.is_empty(), "{name}");
    group
}

/// The context is known, whatever name the model was asked for by.
fn told(mut case: Case) -> Case {
    let context_length = Some(case.number("context"));
    case.seen.loaded = Some(Loaded {
        context_length,
        ..Loaded::default()
    });
    case
}

#[test]
fn texts_that_a_template_leaves_out_are_no_cut() {
    for case in group("trap").into_iter().filter(|case| !case.is_cut()) {
        let case = told(case);
        for with_log in [false, true] {
            assert_eq!(
                verdict(&case, with_log, &mut Memory::default()),
                None,
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn a_whole_prompt_may_have_the_size_that_a_cut_leaves() {
    let cases = group("by-chance");
    assert_eq!(cases.len(), 7);
    for case in cases {
        assert!(!case.is_cut());
        assert_eq!(
            verdict(&case, true, &mut Memory::default()),
            None,
            "{}",
            case.name
        );
    }
}

#[test]
fn a_prompt_that_just_fits_is_whole() {
    let fitting: Vec<Case> = group("edge")
        .into_iter()
        .filter(|case| !case.is_cut())
        .map(told)
        .collect();
    assert!(fitting.len() >= 2);
    for case in fitting {
        assert_eq!(
            verdict(&case, true, &mut Memory::default()),
            None,
            "{}",
            case.name
        );
    }
}

#[test]
fn a_client_that_forgets_by_itself_cuts_nothing() {
    let (keys, mut memory) = (Keys::new(), Memory::default());
    let turns = cases("conversations", &keys);
    let turns: Vec<&Case> = turns
        .iter()
        .filter(|case| case.label["conversation"] == "client-trims")
        .collect();
    assert_eq!(turns.len(), 10);
    for case in turns {
        assert_eq!(verdict(case, true, &mut memory), None, "{}", case.name);
    }
}

#[test]
fn a_reply_that_ends_at_its_own_limit_is_not_cut_by_the_context() {
    for case in group("reply-exactly-full")
        .iter()
        .chain(&group("reply-num-predict"))
    {
        let findings = findings(&case.seen, &[], &mut Memory::default());
        let reply = findings.iter().find(|finding| finding.cause == "reply");
        assert_eq!(reply, None, "{}", case.name);
    }
}

#[test]
fn replies_that_the_context_cut_are_told_from_all_others() {
    let (mut found, mut missed) = (0, Vec::new());
    for case in cases("cuts", &Keys::new()) {
        let is_cut = case.label["reply_cut_by_context"] == true;
        let is_shifted = case.number("context_shifts_in_reply") > 0;
        let findings = findings(&case.seen, &[], &mut Memory::default());
        let reply = findings.iter().find(|finding| finding.cause == "reply");
        let fate = reply.map(|finding| finding.fields["fate"].as_str().unwrap().to_owned());
        match (fate.as_deref(), is_shifted, is_cut) {
            (Some("shifted"), true, _) | (Some("ended"), false, true) => found += 1,
            (None, false, false) => {}
            (None, _, _) => missed.push(case.name),
            other => panic!("{}: {other:?}", case.name),
        }
    }
    println!("replies cut by the context: {found} found, missed {missed:?}");
    assert_eq!(missed, ["no-usage-v1-chat-rjinja-talk-english-3"]);
}

#[test]
fn nothing_is_sure_by_a_context_that_was_not_told() {
    for mut case in cases("cuts", &Keys::new()) {
        let context = case.number("context") as i64;
        case.seen.loaded = None;
        case.seen.options.num_ctx = Some(context);
        let found = findings(&case.seen, &[], &mut Memory::default());
        for finding in found
            .iter()
            .filter(|finding| finding.certainty == Certainty::Sure)
        {
            let by_context = finding.cause == "reply"
                || finding.fields["evidence"] == "words" && case.seen.reply.prompt_tokens.is_none();
            assert!(!by_context, "{}: {finding:?}", case.name);
            assert!(case.is_cut(), "{}: {finding:?}", case.name);
        }
    }
}

#[test]
fn a_line_that_may_be_anothers_makes_nothing_sure_and_nothing_less_sure() {
    let mut certainties = Vec::new();
    for case in cases("cuts", &Keys::new()) {
        let mut said = case.said();
        said.retain(|said| matches!(said.line, Line::Truncating { .. }));
        said.iter_mut()
            .for_each(|said| said.certainty = Certainty::Likely);
        let alone = verdict(&case, false, &mut Memory::default());
        let found = findings(&case.seen, &said, &mut Memory::default());
        let found = found.iter().find(|finding| finding.cause != "reply");
        let found = found.map(|finding| finding.certainty);
        let likely = (!said.is_empty()).then_some(Certainty::Likely);
        assert_eq!(found, alone.max(likely), "{}", case.name);
        certainties.extend(found.filter(|_| !said.is_empty()));
    }
    assert!(certainties.contains(&Certainty::Sure) && certainties.contains(&Certainty::Likely));
}
