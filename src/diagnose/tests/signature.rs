//! The count that a dropped middle leaves, as it was measured for contexts and numbers of kept tokens.

use std::time::SystemTime;

use crate::diagnose::context::view::View;
use crate::diagnose::context::{Memory, findings};
use crate::diagnose::prompt::Prompt;
use crate::diagnose::seen::{Loaded, Options, Reply, Seen, Times};
use crate::http::route::Inference;

fn seen(endpoint: Inference, context: u64, num_keep: Option<i64>) -> Seen {
    Seen {
        interaction_id: String::new(),
        endpoint,
        model: "m".to_owned(),
        client: None,
        arrived: SystemTime::UNIX_EPOCH,
        prompt: Prompt::default(),
        options: Options {
            num_keep,
            ..Options::default()
        },
        reply: Reply::default(),
        times: Times::default(),
        loaded: Some(Loaded {
            context_length: Some(context),
            ..Loaded::default()
        }),
    }
}

#[test]
fn what_a_cut_leaves_is_known() {
    let rows = [
        (512, None, [258, 258]),
        (1024, None, [514, 515]),
        (2048, None, [1026, 1027]),
        (4096, None, [2050, 2050]),
        (1024, Some(0), [512, 513]),
        (1024, Some(64), [544, 545]),
        (1024, Some(600), [812, 813]),
        (1024, Some(-1), [1023, 1023]),
        (1024, Some(i64::MAX), [1023, 1023]),
    ];
    for (context, keep, counts) in rows {
        let seen = seen(Inference::Chat, context, keep);
        let view = View::new(&seen, &[]);
        for count in counts {
            assert!(view.is_signature(count), "{context} {keep:?}: {count}");
            assert!(!view.is_signature(count - 4), "{context} {keep:?}: {count}");
        }
    }
}

#[test]
fn options_of_the_native_routes_do_not_count_elsewhere() {
    let seen = seen(Inference::V1ChatCompletions, 1024, Some(600));
    let view = View::new(&seen, &[]);
    assert!(view.is_signature(514) && !view.is_signature(812));
}

#[test]
fn no_context_and_the_smallest_have_no_trouble() {
    for (context, count) in [(1, 0), (1, 1), (2, 1), (u64::MAX, 7)] {
        let seen = seen(Inference::Chat, context, Some(i64::MIN));
        View::new(&seen, &[]).is_signature(count);
    }
    let mut absurd = seen(Inference::Chat, u64::MAX, None);
    absurd.reply.status = Some(200);
    absurd.reply.prompt_tokens = Some(u64::MAX);
    absurd.reply.generated_tokens = Some(u64::MAX);
    absurd.reply.context_array = Some(0);
    assert_eq!(findings(&absurd, &[], &mut Memory::default()), []);
    let mut unknown = seen(Inference::Chat, 1024, None);
    unknown.loaded = None;
    assert!(!View::new(&unknown, &[]).is_signature(514));
}
