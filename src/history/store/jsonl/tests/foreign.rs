//! Day files of other programs, and ours as other programs read them.

use super::*;

#[test]
fn files_that_others_wrote_are_read_too() {
    let (engine, stage) = fresh();
    let line = |id: u32, time: f64| {
        format!(
            r#"{{"interaction_id": "{id:016x}", "timestamp": {time}, "model": "phi4", "endpoint": "api/chat", "prompt_category": "other", "prompt_full": "gr\u00fcn", "prompt_tokens": 3, "duration": 1.5, "eval_duration": 0.5, "load_duration": null, "status": "success", "metadata": {{}}}}"#
        )
    };
    let strange = format!(
        "{{\"timestamp\": 1e300, \"interaction_id\": \"x\"}}\n{{\"timestamp\": NaN}}\nnot json\n\n{{\"timestamp\": -5}}\n{}\n",
        line(2, NOON + 1.0)
    );
    let mut bytes = gzip(&format!("{}\n{}\n", line(1, NOON + 30.0), line(3, NOON)));
    bytes.extend(gzip(&strange));
    fs::write(day_file(&stage), bytes).unwrap();
    filled(&engine, [record(20)]);
    let found = read_all(&engine, &[("prompt_search", "GRÜN")]);
    assert_eq!(
        ids(&found),
        ["0000000000000003", "0000000000000002", "0000000000000001"]
    );
    assert_eq!(
        (
            found[0].duration_seconds,
            found[0].eval_duration_seconds,
            found[0].load_duration_seconds
        ),
        (Some(1.5), Some(0.5), None)
    );
    assert_eq!(
        newest(
            &engine,
            &[("start_time", &NOON.to_string()), ("limit", "2")]
        ),
        ["x", "0000000000000001"]
    );
    assert_eq!(engine.extent(f64::INFINITY).unwrap().records, 6);
}

#[test]
fn lines_as_python_wrote_them_are_in_every_answer() {
    let (engine, stage) = fresh();
    let line = |n: u32, fields: &str| {
        format!(
            r#"{{"interaction_id": "{n:016x}", "timestamp": {}, {fields}}}"#,
            NOON + f64::from(n)
        ) + "\n"
    };
    let lines = [
        line(
            1,
            r#""prompt_full": "half \ud83d a smile", "endpoint": "api/chat""#,
        ),
        line(
            2,
            r#""prompt_full": "no endpoint", "endpoint": null, "prompt_category": null"#,
        ),
        line(
            3,
            r#""prompt_full": "no number", "tokens_per_second": NaN, "duration": Infinity"#,
        ),
        line(
            4,
            r#""prompt_full": "a float", "prompt_tokens": 4.0, "metadata": {"\udc00": NaN}"#,
        ),
        "{\"timestamp\": NaN}\nno record\n".to_owned(),
    ];
    fs::write(day_file(&stage), gzip(&lines.concat())).unwrap();
    for day_is_over in [false, true] {
        let prompts = read_all(&engine, &[])
            .into_iter()
            .filter_map(|record| record.prompt_full)
            .collect::<Vec<_>>();
        assert_eq!(
            prompts,
            [
                "half \u{fffd} a smile",
                "no endpoint",
                "no number",
                "a float"
            ]
        );
        assert_eq!(
            (
                newest(&engine, &[]).len(),
                engine.extent(f64::INFINITY).unwrap().records
            ),
            (4, 4)
        );
        assert_eq!(
            newest(&engine, &[("prompt_search", "A SMILE")]),
            ["0000000000000001"]
        );
        let mut summary = 0;
        engine
            .for_each_summary(&Query::default(), &mut |_| summary += 1)
            .unwrap();
        assert_eq!(summary, 4);
        for n in 1..=4 {
            assert!(
                engine.get(&record(n).interaction_id).unwrap().is_some(),
                "{n}"
            );
        }
        if !day_is_over {
            fs::write(day_file(&stage), gzip(&lines[..4].concat())).unwrap();
            filled(&engine, []);
            engine.retain_on(day().next(), &NO_LIMITS).unwrap();
        }
    }
    assert_eq!(members(&engine), 1);
}

/// Skipped where that tool is not installed.
#[test]
fn zcat_reads_a_day() {
    let (engine, stage) = fresh();
    filled(&engine, (0..3).map(record));
    filled(&engine, (3..5).map(record));
    for day_is_over in [false, true] {
        if day_is_over {
            engine.retain_on(day().next(), &NO_LIMITS).unwrap();
        }
        let Ok(output) = std::process::Command::new("zcat")
            .arg(day_file(&stage))
            .output()
        else {
            return;
        }; // not installed
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        assert_eq!(
            output.stdout.iter().filter(|byte| **byte == b'\n').count(),
            5
        );
    }
}
