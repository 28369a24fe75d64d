//! When models are loaded, and who waits.

use super::*;

const LOAD: Duration = Duration::from_secs(2);
const WORK: Duration = Duration::from_secs(1);
const SECOND: Duration = Duration::from_secs(1);

fn wanted(name: &str, num_ctx: Option<u64>) -> ModelUse<'static> {
    let model = Model::named(name).unwrap();
    ModelUse {
        model,
        context_length: model.context_length(num_ctx),
        keep_alive: None,
        prompt: "",
    }
}

fn turn(memory: &LoadedModels, wanted: &ModelUse, now: Instant) -> ModelTurn {
    memory.take_turn(wanted, now, LOAD, |turn| (turn, WORK))
}

#[test]
fn a_model_is_loaded_at_its_first_use_and_again_after_it_idled() {
    let (memory, now) = (LoadedModels::default(), Instant::now());
    let chat = wanted("demo-chat", None);
    assert_eq!(turn(&memory, &chat, now).load, LOAD);
    let later = now + SECOND;
    assert_eq!(
        turn(&memory, &chat, later).load,
        SECOND,
        "it is still being loaded"
    );
    let later = now + LOAD + WORK + KEEP_DEFAULT - Duration::from_millis(1);
    assert_eq!(turn(&memory, &chat, later).load, Duration::ZERO);
    assert_eq!(memory.list(later).len(), 1);
    let later = later + WORK + KEEP_DEFAULT;
    assert!(memory.list(later + SECOND).is_empty());
    assert_eq!(turn(&memory, &chat, later).load, LOAD);
}

#[test]
fn an_unloaded_model_is_gone() {
    let (memory, now) = (LoadedModels::default(), Instant::now());
    turn(&memory, &wanted("demo-chat", None), now);
    memory.unload(&MODELS[0]);
    assert!(memory.list(now).is_empty());
}

#[test]
fn a_request_keeps_its_model_for_as_long_as_it_says() {
    let (memory, now) = (LoadedModels::default(), Instant::now());
    let keep_alive = Some(KeepAlive::For(SECOND));
    turn(
        &memory,
        &ModelUse {
            keep_alive,
            ..wanted("demo-chat", None)
        },
        now,
    );
    assert_eq!(memory.list(now)[0].left, LOAD + WORK + SECOND);
}

#[test]
fn another_context_loads_it_again_once_its_requests_are_answered() {
    let (memory, now) = (LoadedModels::default(), Instant::now());
    turn(&memory, &wanted("demo-chat", None), now);
    assert_eq!(
        turn(&memory, &wanted("demo-chat", Some(4096)), now + LOAD).load,
        Duration::ZERO
    );
    let other = turn(&memory, &wanted("demo-chat", Some(8192)), now + LOAD);
    assert_eq!(other.load, WORK + LOAD);
    let listed = |now| memory.list(now)[0].context_length;
    assert_eq!(
        (listed(now + LOAD), listed(now + LOAD + WORK)),
        (4096, 8192)
    );
}

#[test]
fn large_models_push_each_other_out_and_small_ones_stay() {
    let (memory, now) = (LoadedModels::default(), Instant::now());
    for name in ["demo-chat", "demo-large", "demo-coder"] {
        turn(&memory, &wanted(name, None), now);
    }
    let names: Vec<&str> = memory
        .list(now + 2 * LOAD + WORK)
        .iter()
        .map(|listed| listed.model.name)
        .collect();
    assert_eq!(names, ["demo-chat", "demo-coder"]);
}

#[test]
fn with_all_places_taken_a_request_waits() {
    let (memory, now) = (LoadedModels::default(), Instant::now());
    let large = wanted("demo-large", None);
    let queues = [(); 3].map(|()| turn(&memory, &large, now).queue);
    assert_eq!(queues, [Duration::ZERO, WORK, 2 * WORK]);
}

#[test]
fn each_second_load_of_one_model_falls_back_to_the_cpu() {
    let (memory, now) = (LoadedModels::default(), Instant::now());
    let coder = wanted("demo-coder", None);
    let speeds = [(); 3].map(|()| {
        memory.unload(coder.model);
        turn(&memory, &coder, now).speed
    });
    assert_eq!(speeds, [1.0, SPILLED_SPEED, 1.0]);
}

#[test]
fn what_a_prompt_shares_with_one_before_is_cached() {
    let (memory, now) = (LoadedModels::default(), Instant::now());
    let cached = |prompt| {
        let chat = ModelUse {
            prompt,
            ..wanted("demo-chat", None)
        };
        turn(&memory, &chat, now).cached_tokens
    };
    assert_eq!(cached("one two three"), 0);
    assert_eq!(cached("one two four"), 2);
    assert_eq!(cached("one two four five"), 3);
    assert_eq!(cached("one two four five"), 3, "the last is read again");
    assert_eq!(cached("ünlike"), 0);
}
