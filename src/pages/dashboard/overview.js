// Cards with the key numbers, and a sparkline of each.

import { byId, el, fill, svg } from "./dom.js";
import { compact, count, duration, NONE, percent, roundDuration, speed } from "./format.js";

const SPARKLINE = { width: 100, height: 24 };

/** Draws the cards from an answer of stats/enhanced. */
export function showOverview({ totals, timeline, timeline_step_seconds: step }) {
  const { duration_seconds: whole, time_to_first_token_seconds: first, tokens_per_second: speeds } = totals;
  fill(
    byId("kpis"),
    card(
      "Requests",
      compact(totals.requests),
      sparkline(timeline, (slot) => slot.requests),
      peak(timeline, step),
    ),
    card(
      "Success",
      percent(totals.success_rate),
      sparkline(timeline, (slot) => slot.error + slot.cancelled, "error"),
      failures(totals),
    ),
    pair(
      "Tokens",
      [
        ["in", compact(totals.prompt_tokens), "prompt"],
        ["out", compact(totals.generated_tokens), "generated"],
      ],
      sparkline(timeline, (slot) => slot.prompt_tokens + slot.generated_tokens, "generated"),
      perRequest(totals),
    ),
    card(
      "Tokens/s",
      speed(speeds.p50),
      sparkline(timeline, (slot) => slot.tokens_per_second),
      percentiles({ p90: speeds.p90, max: speeds.max }, speed),
      "p50",
    ),
    durationCard("First token", first, timeline, (slot) => slot.time_to_first_token_p50),
    durationCard("Duration", whole, timeline, (slot) => slot.duration_p50),
  );
}

/** Builds a card for a duration; `p50` returns its median in a slot. */
function durationCard(name, values, timeline, p50) {
  const others = percentiles({ p95: values.p95, p99: values.p99 }, duration);
  return card(name, duration(values.p50), sparkline(timeline, p50), others, "p50");
}

/** Shows cards without numbers while these are loading. */
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

/** Builds the line below a number. Words that do not fit are hidden one by one. */
function below(...words) {
  return el(
    "p",
    { class: "below" },
    words.map((word) => el("span", {}, word)),
  );
}

const dim = (text) => el("small", {}, text);

function failures({ requests, error, cancelled }) {
  const parts = [
    [error, "failed"],
    [cancelled, "cancelled"],
  ]
    .filter(([n]) => n > 0)
    .map(([n, word]) => [count(n), dim(` ${word}`)]);
  return below(...(parts.length || !requests ? parts : [dim("none failed")]).map((words) => el("span", {}, words)));
}

function percentiles(values, format) {
  return below(...Object.entries(values).map(([name, value]) => el("span", {}, dim(name), " ", format(value))));
}

/** Describes the busiest slot of the timeline. */
function peak(timeline, step) {
  const busiest = Math.max(0, ...timeline.map((slot) => slot.requests));
  return below(el("span", {}, dim("peak "), compact(busiest)), dim(`in ${roundDuration(step)}`));
}

function perRequest({ requests, prompt_tokens: prompt, generated_tokens: generated }) {
  const mean = (tokens) => (requests ? compact(Math.round(tokens / requests)) : NONE);
  return below(el("span", {}, dim("mean "), `${mean(prompt)} / ${mean(generated)}`), dim("a request"));
}

/** Draws a line of one number per slot; slots without one are skipped, and a line of zeros is not drawn. */
function sparkline(timeline, of, kind = "") {
  const values = timeline.map(of);
  const known = values.map((value, n) => [n, value]).filter(([, value]) => value !== null);
  const max = Math.max(0, ...known.map(([, value]) => value));
  if (known.length < 2 || max === 0) return null;
  const x = (n) => (n / Math.max(1, timeline.length - 1)) * SPARKLINE.width;
  const y = (value) => SPARKLINE.height - 1.5 - (value / max) * (SPARKLINE.height - 3);
  const points = known.map(([n, value]) => `${x(n).toFixed(1)},${y(value).toFixed(1)}`);
  const area = `${x(known[0][0])},${SPARKLINE.height} ${points.join(" ")} ${x(known.at(-1)[0])},${SPARKLINE.height}`;
  const viewBox = `0 0 ${SPARKLINE.width} ${SPARKLINE.height}`;
  const box = { class: `spark ${kind}`, viewBox, preserveAspectRatio: "none", "aria-hidden": "true" };
  return svg("svg", box, svg("polygon", { points: area }), svg("polyline", { points: points.join(" ") }));
}
