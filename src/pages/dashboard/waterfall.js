// The waterfall of one request: its time, part by part.

import { el, svg } from "./dom.js";
import { duration, percent } from "./format.js";

/** Returns the phases of a record in order, each with its start in seconds; null where the record has no timings. */
function partsOf(record) {
  const queue = record.metadata?.queue_wait_seconds;
  const reported = [
    ["Queue", "queue", queueOf(record)],
    ["Load", "load", record.load_duration_seconds],
    ["Prompt", "prompt", record.prompt_eval_duration_seconds],
    ["Generation", "generated", record.eval_duration_seconds],
  ].filter(([, , seconds]) => typeof seconds === "number");
  const hasModelTimings = reported.some(([, kind]) => kind !== "queue");
  const parts = hasModelTimings ? reported : [...reported, ...fromFirstToken(record, queue ?? 0)];
  if (parts.length === 0 || record.duration_seconds === null) return null;
  const spent = parts.reduce((sum, [, , seconds]) => sum + seconds, 0);
  const rest = record.duration_seconds - spent;
  if (rest > record.duration_seconds * 0.005) parts.push(["Other", "other", rest]);
  let start = 0;
  return parts.map(([label, kind, seconds]) => {
    const part = { label, kind, seconds, start };
    start += seconds;
    return part;
  });
}

/** The time in the queues of the tap and of Ollama. The latter is what its durations leave of the whole, before the first token. */
function queueOf(record) {
  const { total_duration_seconds: total, time_to_first_token_seconds: first, load_duration_seconds: load } = record;
  const { prompt_eval_duration_seconds: prompt, eval_duration_seconds: generation } = record;
  const queue = record.metadata?.queue_wait_seconds;
  if (total === null || (prompt === null && generation === null)) return queue;
  const ahead = load + prompt; // null counts as 0
  const rest = Math.max(0, total - ahead - generation);
  const wait = first === null ? rest : Math.min(rest, Math.max(0, first - (queue ?? 0) - ahead));
  return (queue ?? 0) + wait;
}

/** Derives two phases from the time to the first token, which is all that the routes of OpenAI and Anthropic report. */
function fromFirstToken({ time_to_first_token_seconds: first, duration_seconds: whole }, queue) {
  if (first === null || whole === null) return [];
  return [
    ["Until first token", "prompt", Math.max(0, first - queue)],
    ["Generation", "generated", Math.max(0, whole - first)],
  ];
}

export function waterfall(record) {
  const parts = partsOf(record);
  if (!parts) return null;
  const whole = Math.max(record.duration_seconds, parts.at(-1).start + parts.at(-1).seconds);
  const share = (seconds) => `${(seconds / whole) * 100}%`;
  const first = record.time_to_first_token_seconds;
  const rows = parts.map(({ label, kind, seconds, start }) => [
    el("dt", {}, el("i", { class: `swatch ${kind}` }), label),
    el(
      "dd",
      { class: "track" },
      svg(
        "svg",
        { "aria-hidden": "true" },
        svg("rect", { class: kind, x: share(start), y: "25%", width: share(seconds), height: "50%", rx: 2 }),
        first !== null && svg("line", { class: "first", x1: share(first), x2: share(first), y1: 0, y2: "100%" }),
      ),
    ),
    el("dd", { class: "number" }, duration(seconds)),
    el("dd", { class: "number muted" }, percent(seconds / whole)),
  ]);
  const legend = first !== null && el("p", { class: "muted" }, el("i", { class: "swatch first" }), `First token after ${duration(first)}`);
  return el(
    "section",
    { class: "timings" },
    el("h3", {}, "Timings", el("small", {}, duration(record.duration_seconds))),
    el("dl", { class: "waterfall" }, rows.flat()),
    legend,
  );
}
