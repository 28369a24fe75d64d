//! Where two prompts differ.

use proptest::prelude::*;

use super::*;

fn print(keys: &Keys, tools: &[&str], messages: &[(MessageRole, &str)]) -> Fingerprint {
    let mut printer = Printer::new(keys);
    for tool in tools {
        printer.text(tool);
        printer.tool();
    }
    for (role, text) in messages {
        printer.text(text);
        printer.message(*role);
    }
    printer.end()
}

#[test]
fn the_first_difference_is_told_by_its_kind() {
    let keys = Keys::new();
    let chat = |system: &str| {
        vec![
            (MessageRole::System, system.to_owned()),
            (MessageRole::User, "Hi".to_owned()),
        ]
    };
    let of = |tools: &[&str], messages: &[(MessageRole, String)]| {
        let messages: Vec<_> = messages
            .iter()
            .map(|(role, text)| (*role, text.as_str()))
            .collect();
        print(&keys, tools, &messages)
    };
    let first = of(&["a", "b"], &chat("It is 14:03."));
    let mut longer = chat("It is 14:03.");
    longer.push((MessageRole::Assistant, "Hello".to_owned()));
    let said = |next: &Fingerprint| first.difference(next).map(|place| place.to_string());
    assert_eq!(said(&of(&["a", "b"], &longer)), None);
    for (next, expected) in [
        (of(&["b", "a"], &longer), "the order of the tools changed"),
        (of(&["a"], &longer), "a tool is gone"),
        (of(&["a", "b", "c", "d"], &longer), "2 tools were added"),
        (of(&["a", "c"], &longer), "the definition of a tool changed"),
        (
            of(&["a", "b"], &chat("It is 14:13.")),
            "it differs at byte 9 of the system prompt",
        ),
        (
            of(&["a", "b"], &chat("It is 14:03. Go")),
            "it differs at byte 12 of the system prompt",
        ),
        (
            of(&["a", "b"], &longer[..1]),
            "message 2 and those after it are gone",
        ),
    ] {
        assert_eq!(said(&next).as_deref(), Some(expected));
    }
}

#[test]
fn behind_the_marks_a_difference_is_known_by_its_block_and_behind_the_blocks_by_its_message() {
    let keys = Keys::new();
    let differ = |at: usize| {
        let text = "x".repeat(at);
        let [one, two] = ["a", "b"].map(|end| {
            print(
                &keys,
                &[],
                &[(
                    MessageRole::User,
                    &format!("{text}{end}{}", "y".repeat(200)),
                )],
            )
        });
        one.difference(&two)
    };
    let place = |byte, is_exact| {
        Some(DifferencePlace::Message {
            index: 0,
            role: MessageRole::User,
            byte,
            is_exact,
        })
    };
    assert_eq!(differ(1000), place(1000, true));
    assert_eq!(differ(10_000), place(10_000 / BLOCK * BLOCK, false));
    assert_eq!(differ(1 << 20), place(BLOCKS_MAX * BLOCK, false));
}

#[test]
fn a_fingerprint_is_bounded() {
    let keys = Keys::new();
    let mut printer = Printer::new(&keys);
    for _ in 0..3 * PARTS_MAX {
        printer.text(&"z".repeat(1000));
        printer.message(MessageRole::User);
    }
    let print = printer.end();
    assert_eq!(print.parts.len(), PARTS_MAX);
    assert_eq!(print.blocks.len(), BLOCKS_MAX);
    assert_eq!(print.marks.len(), MARKS_MAX);
}

#[test]
fn who_has_not_the_keys_cannot_guess_a_text() {
    let [one, other] =
        [Keys::new(), Keys::new()].map(|keys| print(&keys, &[], &[(MessageRole::User, "yes")]));
    assert_ne!(one.parts[0].hash, other.parts[0].hash);
}

proptest! {
    #[test]
    fn the_place_is_the_first_byte_that_differs(
        text in "[ab]{0,300}", other in "[ab]{0,300}", shared in "[a-z]{0,300}",
        cuts in prop::collection::vec(0usize..600, 0..4),
    ) {
        let (text, other) = (format!("{shared}{text}"), format!("{shared}{other}"));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (other.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(other.len());
        // Two marks of 16 bits agree by chance once in 65,536 bytes, and with other keys elsewhere.
        let differs = |_| {
            let keys = Keys::new();
            let mut printer = Printer::new(&keys);
            let mut start = 0;
            for cut in &cuts {
                printer.text(&other[start..*cut]);
                start = *cut;
            }
            printer.message(MessageRole::User);
            print(&keys, &[], &[(MessageRole::User, &text)]).difference(&printer.end())
        };
        let found = (0..3).map(differs).min_by_key(|place| match place {
            Some(DifferencePlace::Message { byte, .. }) => *byte,
            _ => usize::MAX,
        });
        let same = text.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        let expected = (text != other)
            .then_some(DifferencePlace::Message { index: 0, role: MessageRole::User, byte: same, is_exact: true });
        prop_assert_eq!(found.flatten(), expected);
    }
}
