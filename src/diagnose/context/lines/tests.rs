//! Lines and requests at times that decide whose a line is.

use proptest::prelude::*;

use super::*;
use crate::diagnose::recordings::{at, seen, span};

const CUT: Line = Line::Truncating {
    prompt: 1025,
    new: 514,
};

/// The lines of a log, and the requests beside it: times in milliseconds.
#[derive(Default)]
struct Scene(LogLines);

impl Scene {
    fn begin(&mut self, id: &str, taken: f64) {
        self.0.begin(id, Inference::Chat, at(taken));
    }

    fn line(&mut self, line: Line, read: f64) {
        self.0.read(line, at(read), LogOwner::Child);
    }

    /// Ends a request with a count, and returns what the log says of it.
    fn end(&mut self, id: &str, time: f64, count: Option<u64>) -> Vec<(Line, Certainty)> {
        let mut seen = seen(id, Inference::Chat, "m", at(0.0));
        seen.times.duration = span(time);
        seen.reply.status = Some(200);
        seen.reply.prompt_tokens = count;
        self.end_seen(&seen)
    }

    fn end_seen(&mut self, seen: &Seen) -> Vec<(Line, Certainty)> {
        let ended = seen.arrived + seen.times.duration;
        self.0.ended(&seen.interaction_id, ended, &seen.reply);
        let said = self.0.take(seen);
        said.into_iter().map(|it| (it.line, it.certainty)).collect()
    }
}

const SURE: &[(Line, Certainty)] = &[(CUT, Certainty::Sure)];
const LIKELY: &[(Line, Certainty)] = &[(CUT, Certainty::Likely)];

#[test]
fn a_line_is_sure_for_the_only_request_under_way_and_used_up_with_it() {
    let mut scene = Scene::default();
    scene.begin("a", 0.0);
    scene.line(CUT, 100.0);
    assert_eq!(scene.end("a", 900.0, Some(514)), SURE);
    scene.begin("b", 901.0);
    assert_eq!(scene.end("b", 950.0, Some(514)), []);
}

#[test]
fn a_line_is_likely_for_each_of_two_requests_that_fit() {
    let mut scene = Scene::default();
    scene.begin("a", 0.0);
    scene.begin("b", 10.0);
    scene.line(CUT, 100.0);
    assert_eq!(scene.end("a", 900.0, Some(514)), LIKELY);
    assert_eq!(scene.end("b", 5000.0, Some(514)), LIKELY);
    scene.begin("c", 5001.0);
    assert_eq!(scene.end("c", 5100.0, Some(514)), []);
}

#[test]
fn of_two_lines_each_is_told_of_one_request() {
    let mut scene = Scene::default();
    let other = Line::Truncating {
        prompt: 4000,
        new: 514,
    };
    scene.begin("a", 0.0);
    scene.begin("b", 10.0);
    scene.line(CUT, 100.0);
    scene.line(other, 110.0);
    let a = scene.end("a", 900.0, Some(514));
    let b = scene.end("b", 950.0, Some(514));
    assert_eq!((a.len(), b.len()), (1, 1));
    assert!(a[0].0 != b[0].0 && a[0].1 == Certainty::Likely && b[0].1 == Certainty::Likely);
}

#[test]
fn a_request_that_turns_out_not_to_fit_leaves_the_line_sure() {
    let mut scene = Scene::default();
    scene.begin("a", 0.0);
    scene.begin("b", 10.0);
    scene.line(CUT, 100.0);
    assert_eq!(scene.end("b", 200.0, Some(77)), []);
    assert_eq!(scene.end("a", 9000.0, Some(514)), SURE);
}

#[test]
fn requests_that_cannot_have_caused_a_line_do_not_share_it() {
    let mut scene = Scene::default();
    scene.begin("a", 0.0);
    scene.begin("answering", 0.0);
    scene.0.first_byte("answering", at(1000.0));
    scene.0.begin("embedding", Inference::Embed, at(0.0));
    scene.line(CUT, 1500.0);
    scene.begin("later", 1501.0);
    assert_eq!(scene.end("a", 3000.0, Some(514)), SURE);
}

#[test]
fn a_request_that_ended_a_moment_before_the_line_shares_it() {
    for (read, expected) in [(699.0, LIKELY), (700.0, SURE)] {
        let mut scene = Scene::default();
        scene.begin("a", 0.0);
        scene.begin("b", 0.0);
        assert_eq!(scene.end("b", 200.0, None), []);
        scene.line(CUT, read);
        assert_eq!(scene.end("a", 3000.0, Some(514)), expected, "{read}");
    }
}

#[test]
fn without_a_count_the_prompt_must_allow_the_line() {
    let mut scene = Scene::default();
    for (id, is_cut, expected) in [("short", false, 0), ("long", true, 1)] {
        scene.begin(id, 0.0);
        scene.line(CUT, 100.0);
        let mut seen = seen(id, Inference::V1ChatCompletions, "m", at(0.0));
        seen.times.duration = span(200.0);
        seen.prompt.is_cut = is_cut;
        assert_eq!(scene.end_seen(&seen).len(), expected, "{id}");
    }
}

#[test]
fn lines_of_a_service_are_sure_only_with_their_number_in_the_reply() {
    for (count, expected) in [(Some(514), SURE), (None, LIKELY)] {
        let mut scene = Scene::default();
        scene.begin("a", 0.0);
        scene.0.read(CUT, at(100.0), LogOwner::Service);
        let mut seen = seen("a", Inference::Chat, "m", at(0.0));
        seen.times.duration = span(200.0);
        seen.reply.prompt_tokens = count;
        seen.prompt.is_cut = true;
        assert_eq!(scene.end_seen(&seen), expected, "{count:?}");
    }
}

#[test]
fn a_shift_is_not_told_of_a_reply_that_ended_within_its_context() {
    for (generated, expected) in [(100, 0), (500, 1)] {
        let mut scene = Scene::default();
        scene.begin("a", 0.0);
        scene.line(Line::Shift, 100.0);
        let mut seen = seen("a", Inference::Chat, "m", at(0.0));
        seen.times.duration = span(200.0);
        seen.reply.prompt_tokens = Some(20);
        seen.reply.generated_tokens = Some(generated);
        seen.loaded = Some(crate::diagnose::seen::Loaded {
            context_length: Some(512),
            ..Default::default()
        });
        assert_eq!(scene.end_seen(&seen).len(), expected, "{generated}");
    }
}

#[test]
fn nothing_is_sure_while_forgotten_requests_may_be_under_way() {
    let mut scene = Scene::default();
    scene.0.forget(at(0.0));
    let soon = 599_000.0;
    for (sent, expected) in [(soon, LIKELY), (soon + 2_000.0, SURE)] {
        scene.begin("a", sent);
        scene.line(CUT, sent + 10.0);
        assert_eq!(scene.end("a", sent + 100.0, Some(514)), expected);
        // The next is another request.
        scene.0.requests.clear();
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let mut scene = Scene::default();
    scene.begin("endless", 0.0);
    scene.line(CUT, 1.0);
    for time in 0..2_000 {
        scene.line(Line::Shift, f64::from(time));
    }
    assert_eq!(scene.0.lines.len(), LINES_MAX);
    assert_eq!(scene.end("endless", 2_000.0, Some(514)).len(), 2);
    for number in 0..3 * REQUESTS_MAX {
        let id = number.to_string();
        scene.begin(&id, number as f64);
        if number.is_multiple_of(2) {
            scene.end(&id, number as f64 + 1.0, Some(1));
        }
        assert!(scene.0.requests.len() <= REQUESTS_MAX);
    }
}

#[test]
fn requests_and_lines_are_forgotten_once_they_cannot_meet() {
    let mut scene = Scene::default();
    for number in 0..10_u32 {
        let sent = 1_000.0 * f64::from(number);
        scene.begin(&number.to_string(), sent);
        scene.line(Line::Shift, sent + 10.0);
        scene.end(&number.to_string(), sent + 20.0, Some(7));
    }
    assert!(scene.0.requests.len() <= 2 && scene.0.lines.len() <= 1);
}

proptest! {
    /// Requests at any times, any counts, and lines at any times.
    #[test]
    fn a_line_is_used_once_and_sure_only_where_one_request_fits(
        requests in prop::collection::vec((0_u32..3_000, 1_u32..2_000, prop::option::of(513_u64..516)), 1..8),
        lines in prop::collection::vec(0_u32..5_000, 0..6),
    ) {
        let mut moments: Vec<(u32, u8, usize)> = Vec::new();
        for (number, (sent, length, _)) in requests.iter().enumerate() {
            moments.push((*sent, 0, number));
            moments.push((sent + length, 2, number));
        }
        moments.extend(lines.iter().enumerate().map(|(number, read)| (*read, 1, number)));
        moments.sort_unstable();
        let mut scene = Scene::default();
        let mut sure = vec![0; lines.len()];
        for (time, what, number) in moments {
            let moment = f64::from(time);
            match what {
                0 => scene.begin(&number.to_string(), moment),
                // Each has a number of its own.
                1 => scene.line(Line::Truncating { prompt: number as u64, new: 514 }, moment),
                _ => for (line, certainty) in scene.end(&number.to_string(), moment, requests[number].2) {
                    let Line::Truncating { prompt, .. } = line else { unreachable!() };
                    let read = lines[prompt as usize];
                    let fitting = requests.iter().filter(|(sent, length, count)| {
                        let is_near = *sent <= read && read < sent + length + 500;
                        let is_under_way = sent + length > time;
                        is_near && (is_under_way || count.is_none_or(|count| count == 514))
                    });
                    let fitting = fitting.count();
                    prop_assert!(sure[prompt as usize] == 0, "it was used up");
                    if certainty == Certainty::Sure {
                        prop_assert!(fitting <= 1, "{fitting} fit");
                        sure[prompt as usize] += 1;
                    }
                },
            }
        }
    }
}
