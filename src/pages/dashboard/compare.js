// Two models side by side: their lines in one chart, a table of their numbers, and the ratio in words.

import { announce, byId, el, fill } from "./dom.js";
import { count, duration, percent, speed } from "./format.js";
import { change, state } from "./state.js";

const SEPARATOR = "|"; // between the two names in the address; no name of a model has it
const MIN_SUCCESSES = 30; // of each, warm, before a ratio is said

/** Returns the names of the models that are compared: none, one that waits for another, or two. */
export const compared = () => state.compare.split(SEPARATOR).filter(Boolean).slice(0, 2);

/** A box that takes a model into the comparison, or out of it; the newest two are compared. */
export function compareBox({ name }) {
  const names = compared();
  const toggle = () => {
    const next = names.includes(name) ? names.filter((other) => other !== name) : [...names, name].slice(-2);
    if (next.length === 1) announce("Choose another model to compare it with");
    change({ compare: next.join(SEPARATOR) });
  };
  return el("input", { type: "checkbox", "aria-label": `Compare ${name}`, checked: names.includes(name), change: toggle });
}

const ROWS = [
  ["Requests", (group) => group.requests, count],
  ["Failed", (group) => (group.error + group.success > 0 ? group.error / (group.error + group.success) : null), percent],
  ["Tokens/s, p50", (group) => group.tokens_per_second.p50, speed],
  ["First token, p50", (group) => group.time_to_first_token_seconds.p50, duration],
  ["First token without a load, p50", (group) => group.time_to_first_token_warm_seconds?.p50 ?? null, duration],
  ["Duration, p50", (group) => group.duration_seconds.p50, duration],
  ["Duration, p95", (group) => group.duration_seconds.p95, duration],
  ["Cold starts", (group) => group.cold_starts ?? null, count],
];

/** Draws the comparison of two answers of stats/enhanced, one for each model; hides it without them. */
export function showComparison(answers) {
  const panel = byId("comparison");
  const names = compared();
  panel.hidden = names.length === 0;
  if (panel.hidden) return;
  byId("comparison-end").onclick = () => change({ compare: "" });
  if (names.length === 1 || answers?.length !== 2) {
    const text = names.length === 1 ? `Choose another model to compare ${names[0]} with.` : "Counting…";
    return fill(byId("compare"), el("p", { class: "none" }, text));
  }
  const groups = answers.map(({ totals }) => totals);
  const heads = names.map((name, n) => el("th", { scope: "col", class: "number" }, el("i", { class: `swatch model-${n}` }), el("bdi", {}, name)));
  const rows = ROWS.map(([label, of, show]) =>
    el("tr", {}, el("th", { scope: "row" }, label), groups.map((group) => el("td", { class: "number" }, show(of(group))))),
  );
  fill(
    byId("compare"),
    el("p", { class: "verdict" }, verdict(names, groups)),
    el("div", { class: "sheet" }, el("table", {}, el("thead", {}, el("tr", {}, el("td"), heads)), el("tbody", {}, rows))),
  );
}

/** Says how much faster one of them writes, where enough replies were measured. */
function verdict(names, groups) {
  const speeds = groups.map((group) => group.tokens_per_second.p50);
  const isEnough = groups.every((group) => (group.time_to_first_token_warm_seconds?.count ?? 0) >= MIN_SUCCESSES);
  if (!isEnough || speeds.some((value) => !value)) return "Too few to compare in words: it takes 30 replies of each without a load.";
  const fast = speeds[0] >= speeds[1] ? 0 : 1;
  const ratio = speeds[fast] / speeds[1 - fast];
  if (ratio < 1.05) return `${names[0]} and ${names[1]} write equally fast.`;
  return `${names[1 - fast]} is ${ratio.toFixed(1)}× slower than ${names[fast]}: ${speed(speeds[1 - fast])} against ${speed(speeds[fast])} tokens/s.`;
}
