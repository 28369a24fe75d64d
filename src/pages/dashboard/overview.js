// Cards with the key numbers, the change of each against the time before, and a sparkline.

import { byId, el, fill, svg } from "./dom.js";
import { compact, count, duration, NONE, percent, roundDuration, speed } from "./format.js";
import { pointsText, runsOf } from "./lines.js";
import { change, state } from "./state.js";

const SPARKLINE = { width: 100, height: 24, dash: 0.5 };
const MIN_CHANGE = 0.005; // relative; less is no change

/** Draws the cards from an answer of stats/enhanced; `name` says what it is compared with. */
export function showOverview({ totals, previous, by_status: statuses, timeline: slots, timeline_step_seconds: step }, name) {
  const { duration_seconds: whole, time_to_first_token_seconds: first, tokens_per_second: speeds } = totals;
  const timeline = slots.filter((slot) => !slot.partial);
  const line = (format, of, kind) => sparkline(timeline, step, format, of, kind);
  const against = (of, better) => difference(of(totals), previous && of(previous), better, name);
  fill(
    byId("kpis"),
    card(
      "Requests",
      compact(totals.requests),
      line(compact, (slot) => slot.requests),
      peak(timeline, step),
      against((group) => group.requests, 0),
    ),
    successCard(statuses, previous, name, line(compact, (slot) => slot.error, "error")),
    pair(
      "Tokens",
      [
        ["in", compact(totals.prompt_tokens), "prompt"],
        ["out", compact(totals.generated_tokens), "generated"],
      ],
      line(compact, (slot) => slot.prompt_tokens + slot.generated_tokens, "generated"),
      against((group) => group.prompt_tokens + group.generated_tokens, 0),
    ),
    card(
      "Tokens/s",
      speed(speeds.p50),
      line(speed, (slot) => slot.tokens_per_second_p50),
      percentiles({ p90: speeds.p90, max: speeds.max }, speed),
      against((group) => group.tokens_per_second.p50, 1),
      "p50",
    ),
    durationCard("First token", first, line(duration, (slot) => slot.time_to_first_token_p50), against((group) => group.time_to_first_token_seconds.p50, -1)),
    durationCard("Duration", whole, line(duration, (slot) => slot.duration_p50), against((group) => group.duration_seconds.p50, -1)),
  );
}

/** How many succeeded and failed of all that the other filters let pass, so that each status can be chosen whichever is. */
function successCard(statuses, previous, name, line) {
  const of = (status) => statuses.find(({ name }) => name === status)?.requests ?? 0;
  const [success, error, cancelled] = ["success", "error", "cancelled"].map(of);
  const rate = success + error > 0 ? success / (success + error) : null;
  const changed = state.status ? null : points(rate, previous?.success_rate, name);
  return card("Success", percent(rate), line, failures({ requests: success + error + cancelled, error, cancelled }), changed);
}

function durationCard(name, values, line, changed) {
  const others = percentiles({ p95: values.p95, p99: values.p99 }, duration);
  return card(name, duration(values.p50), line, others, changed, "p50");
}

/** Says how much more or less it is than before. `better` is the sign of a change for the better; 0 is neither. */
function difference(now, before, better, name) {
  if (!Number.isFinite(now) || !Number.isFinite(before)) return null;
  if (before === 0) return now === 0 ? null : changeLine("none", 0, name);
  const relative = (now - before) / before;
  if (Math.abs(relative) < MIN_CHANGE) return changeLine("same", 0, name);
  const text = Math.abs(relative) >= 2 ? `${speed(now / before)}×` : percent(Math.round(Math.abs(relative) * 100) / 100);
  return changeLine(`${relative > 0 ? "▲" : "▼"} ${text}`, Math.sign(relative) * better, name);
}

/** The change of a rate, in percentage points. */
function points(now, before, name) {
  if (!Number.isFinite(now) || !Number.isFinite(before)) return null;
  const difference = Math.round((now - before) * 1000) / 10;
  if (difference === 0) return changeLine("same", 0, name);
  return changeLine(`${difference > 0 ? "▲" : "▼"} ${Math.abs(difference)} points`, Math.sign(difference), name);
}

function changeLine(text, verdict, name) {
  const kind = verdict > 0 ? "better" : verdict < 0 ? "worse" : "";
  if (text === "none") return el("p", { class: "change" }, el("small", {}, `none ${name.replace(/^vs /, "")}`));
  return el("p", { class: "change", title: `${text} ${name}` }, el("b", { class: kind }, text), el("small", {}, name));
}

/** Shows cards without numbers while these are loading. */
export function showOverviewSkeleton() {
  const names = ["Requests", "Success", "Tokens", "Tokens/s", "First token", "Duration"];
  fill(
    byId("kpis"),
    names.map((name) => card(name, el("span", { class: "skeleton" }, "000"), null, below("…"), null)),
  );
}

function card(name, value, line, lower, changed, note = "") {
  return el(
    "div",
    { class: "card kpi" },
    el("h2", {}, name, note && el("small", {}, note)),
    el("p", { class: "value" }, value),
    lower,
    changed,
    line,
  );
}

function pair(name, values, line, changed) {
  const shown = values.map(([word, value, kind]) => el("span", {}, el("i", { class: `swatch ${kind}` }), value, el("small", {}, word)));
  return el("div", { class: "card kpi" }, el("h2", {}, name), el("p", { class: "value two" }, shown), changed, line);
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

/** How many failed and were cancelled: a click on either shows these. */
function failures({ requests, error, cancelled }) {
  const parts = [
    [error, "failed", "error"],
    [cancelled, "cancelled", "cancelled"],
  ].filter(([n]) => n > 0);
  if (parts.length === 0) return below(...(requests ? [dim("none failed")] : []));
  const link = ([n, word, status]) => {
    const isChosen = state.status === status;
    const pick = () => change({ status: isChosen ? "" : status });
    return el("button", { type: "button", class: "link", "aria-pressed": String(isChosen), "data-control": `only ${status}`, click: pick }, count(n), dim(` ${word}`));
  };
  return below(...parts.map(link));
}

function percentiles(values, format) {
  const known = Object.entries(values).filter(([, value]) => Number.isFinite(value));
  return below(...known.map(([name, value]) => el("span", {}, dim(name), " ", format(value))));
}

/** Describes the busiest slot of the timeline. */
function peak(timeline, step) {
  const busiest = Math.max(0, ...timeline.map((slot) => slot.requests));
  return busiest > 0 ? below(el("span", {}, dim("peak "), compact(busiest)), dim(`in ${roundDuration(step)}`)) : below(NONE);
}

/** Draws a line of one number per slot, which is broken where there is none; a line of zeros is not drawn. */
function sparkline(timeline, step, format, of, kind = "") {
  const values = timeline.map(of);
  const known = values.filter(Number.isFinite);
  const max = Math.max(0, ...known);
  if (known.length < 2 || max === 0) return null;
  const x = (n) => (n / Math.max(1, timeline.length - 1)) * SPARKLINE.width;
  const y = (value) => SPARKLINE.height - 1.5 - (value / max) * (SPARKLINE.height - 3);
  const runs = runsOf(values.map((value, n) => Number.isFinite(value) && [x(n), y(value)]));
  const viewBox = `0 0 ${SPARKLINE.width} ${SPARKLINE.height}`;
  const words = `${format(Math.min(...known))} to ${format(max)} in ${roundDuration(step)}`;
  const box = { class: `spark ${kind}`, viewBox, preserveAspectRatio: "none", "aria-hidden": "true" };
  return svg("svg", box, svg("title", {}, words), runs.flatMap(sparkRun));
}

/** Draws values that follow each other; one that stands alone is a dash. */
function sparkRun(run) {
  const [[x, y]] = run;
  const points = run.length > 1 ? run : [[x - SPARKLINE.dash, y], [x + SPARKLINE.dash, y]];
  const area = [[points[0][0], SPARKLINE.height], ...points, [points.at(-1)[0], SPARKLINE.height]];
  return [svg("polygon", { points: pointsText(area) }), svg("polyline", { points: pointsText(points) })];
}
