// The numbers at a glance, and what they were over the time shown.

import { byId, el, fill, svg } from "./dom.js";
import { compact, count, duration, length, NONE, percent, speed } from "./format.js";

const SPARK = { width: 100, height: 24 };

/** Draws the cards from an answer of stats/enhanced. */
export function showOverview({ totals, timeline, timeline_step_seconds: step }) {
  const { duration_seconds: whole, time_to_first_token_seconds: first, tokens_per_second: speeds } = totals;
  fill(
    byId("kpis"),
    card(
      "Requests",
      compact(totals.requests),
      spark(timeline, (slot) => slot.requests),
      peak(timeline, step),
    ),
    card(
      "Success",
      percent(totals.success_rate),
      spark(timeline, (slot) => slot.error + slot.cancelled, "error"),
      failures(totals),
    ),
    pair(
      "Tokens",
      [
        ["in", compact(totals.prompt_tokens), "prompt"],
        ["out", compact(totals.generated_tokens), "generated"],
      ],
      spark(timeline, (slot) => slot.prompt_tokens + slot.generated_tokens, "generated"),
      perRequest(totals),
    ),
    card(
      "Tokens/s",
      speed(speeds.p50),
      spark(timeline, (slot) => slot.tokens_per_second),
      percentiles({ p90: speeds.p90, max: speeds.max }, speed),
      "p50",
    ),
    timed("First token", first, timeline, (slot) => slot.time_to_first_token_p50),
    timed("Duration", whole, timeline, (slot) => slot.duration_p50),
  );
}

/** A card of a length of time, whose median is `p50` of each slot. */
function timed(name, values, timeline, p50) {
  const others = percentiles({ p95: values.p95, p99: values.p99 }, duration);
  return card(name, duration(values.p50), spark(timeline, p50), others, "p50");
}

/** Cards without numbers, while these are on their way. */
export function showOverviewSkeleton() {
  const names = ["Requests", "Success", "Tokens", "Tokens/s", "First token", "Duration"];
  fill(
    byId("kpis"),
    names.map((name) => card(name, el("span", { class: "skeleton" }, "000"), null, below("…"))),
  );
}

function card(name, value, line, lower, note = "") {
  return el(
    "div",
    { class: "card kpi" },
    el("h2", {}, name, note && el("small", {}, note)),
    el("p", { class: "value" }, value),
    lower,
    line,
  );
}

function pair(name, values, line, lower) {
  const shown = values.map(([word, value, kind]) => el("span", {}, el("i", { class: `swatch ${kind}` }), value, el("small", {}, word)));
  return el("div", { class: "card kpi" }, el("h2", {}, name), el("p", { class: "value two" }, shown), lower, line);
}

/** The line below a number. What has no room is left out, word by word. */
function below(...words) {
  return el(
    "p",
    { class: "below" },
    words.map((word) => el("span", {}, word)),
  );
}

const dim = (text) => el("small", {}, text);

function failures({ requests, error, cancelled }) {
  const told = [
    [error, "failed"],
    [cancelled, "cancelled"],
  ]
    .filter(([n]) => n > 0)
    .map(([n, word]) => [count(n), dim(` ${word}`)]);
  return below(...(told.length || !requests ? told : [dim("none failed")]).map((words) => el("span", {}, words)));
}

function percentiles(values, format) {
  return below(...Object.entries(values).map(([name, value]) => el("span", {}, dim(name), " ", format(value))));
}

/** The busiest piece of the timeline. */
function peak(timeline, step) {
  const busiest = Math.max(0, ...timeline.map((slot) => slot.requests));
  return below(el("span", {}, dim("peak "), compact(busiest)), dim(`in ${length(step)}`));
}

function perRequest({ requests, prompt_tokens: prompt, generated_tokens: generated }) {
  const mean = (tokens) => (requests ? compact(Math.round(tokens / requests)) : NONE);
  return below(el("span", {}, dim("mean "), `${mean(prompt)} / ${mean(generated)}`), dim("a request"));
}

/** A small line of one number per slot; slots without one are left out, and so is a line of zeros. */
function spark(timeline, of, kind = "") {
  const values = timeline.map(of);
  const known = values.map((value, n) => [n, value]).filter(([, value]) => value !== null);
  const max = Math.max(0, ...known.map(([, value]) => value));
  if (known.length < 2 || max === 0) return null;
  const x = (n) => (n / Math.max(1, timeline.length - 1)) * SPARK.width;
  const y = (value) => SPARK.height - 1.5 - (value / max) * (SPARK.height - 3);
  const points = known.map(([n, value]) => `${x(n).toFixed(1)},${y(value).toFixed(1)}`);
  const area = `${x(known[0][0])},${SPARK.height} ${points.join(" ")} ${x(known.at(-1)[0])},${SPARK.height}`;
  const box = { class: `spark ${kind}`, viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, preserveAspectRatio: "none", "aria-hidden": "true" };
  return svg("svg", box, svg("polygon", { points: area }), svg("polyline", { points: points.join(" ") }));
}
