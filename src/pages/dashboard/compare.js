// Two models side by side: their lines in one chart, a table of their numbers, and the ratio in words.

import { announce, byId, el, fill } from "./dom.js";
import { count, duration, percent, speed } from "./format.js";
import { fetchJson } from "./api.js";
import { change, query, state } from "./state.js";
import { failedShare } from "./tables.js";
import { visible } from "./visible.js";

const SEPARATOR = "|"; // between the two names in the address; no name of a model has it
const NEWEST = 100; // replies of each model that a ratio is made of
const MIN_REPLIES = 30; // of each, in the same band and without a load, before a ratio is said
const FIRST_BAND = 2048; // tokens of context; each further band is twice as long
const MIN_LOAD = 1; // seconds that a load of unknown cause takes at least, as the history counts cold starts
const SAME = 1.05; // ratios below are none

const AND = new Intl.ListFormat("en");

/** Returns the names of the models that are compared: none, one that waits for another, or two. */
const compared = () => state.compare.split(SEPARATOR).filter(Boolean).slice(0, 2);

/** Fetches what a comparison shows of each model: its name, by `ask` its statistics, and its newest replies. */
export async function fetchComparison(ask, signal) {
  const names = compared();
  if (names.length < 2) return [];
  const replies = (model) => fetchJson("messages", { ...query(), model, status: "success", limit: NEWEST }, signal);
  return Promise.all(
    names.map(async (name) => {
      const [numbers, newest] = await Promise.all([ask({ model: name }), replies(name)]);
      return { name, numbers, bands: Map.groupBy(newest.filter(isWarm), bandOf) };
    }),
  );
}

const isWarm = ({ reload_cause: cause, load_duration_seconds: load, tokens_per_second: speed }) => !cause && !(load > MIN_LOAD) && speed > 0;
const bandOf = ({ prompt_tokens: prompt, generated_tokens: generated }) => Math.floor(Math.log2((prompt + generated) / FIRST_BAND + 1));

/** A box that takes a model into the comparison, or out of it; the newest two are compared. */
export function compareBox({ name }) {
  const names = compared();
  const toggle = () => {
    const next = names.includes(name) ? names.filter((other) => other !== name) : [...names, name].slice(-2);
    if (next.length === 1) announce("Choose another model to compare it with");
    change({ compare: next.join(SEPARATOR) });
  };
  return el("input", { type: "checkbox", "aria-label": `Compare ${name}`, "data-control": `compare ${name}`, checked: names.includes(name), change: toggle });
}

const ROWS = [
  ["Requests", (group) => group.requests, count],
  ["Failed", failedShare, percent],
  ["Tokens/s, p50", (group) => group.tokens_per_second.p50, speed],
  ["First token, p50", (group) => group.time_to_first_token_seconds.p50, duration],
  ["First token without a load, p50", (group) => group.time_to_first_token_warm_seconds?.p50 ?? null, duration],
  ["Duration, p50", (group) => group.duration_seconds.p50, duration],
  ["Duration, p95", (group) => group.duration_seconds.p95, duration],
  ["Cold starts", (group) => group.cold_starts ?? null, count],
];

/** Draws what `fetchComparison` returned, unless others are compared by now; hides it where no model is compared. */
export function showComparison(sides) {
  const panel = byId("comparison");
  const names = compared();
  panel.hidden = names.length === 0;
  if (panel.hidden) return;
  byId("comparison-end").onclick = () => {
    change({ compare: "" });
    byId("by-model").querySelector(".sheet")?.focus({ preventScroll: true });
  };
  if (names.length === 1 || sides.map(({ name }) => name).join(SEPARATOR) !== names.join(SEPARATOR)) {
    const text = names.length === 1 ? `Choose another model to compare ${names[0]} with.` : "Counting…";
    return fill(byId("compare"), el("p", { class: "none" }, text));
  }
  const groups = sides.map(({ numbers }) => numbers.totals);
  const heads = names.map((name, n) => el("th", { scope: "col", class: "number" }, el("i", { class: `swatch model-${n}` }), el("bdi", {}, visible(name))));
  const rows = ROWS.map(([label, of, show]) =>
    el("tr", {}, el("th", { scope: "row" }, label), groups.map((group) => el("td", { class: "number" }, show(of(group))))),
  );
  fill(
    byId("compare"),
    el("p", { class: "verdict" }, el("bdi", {}, verdict(sides))),
    el("div", { class: "sheet" }, el("table", {}, el("thead", {}, el("tr", {}, el("td"), heads)), el("tbody", {}, rows))),
  );
}

/** Says in words how the second model differs from the first, where enough replies had contexts of the same length. */
function verdict(sides) {
  const [one, other] = sides.map(({ bands }) => bands);
  const least = (band) => Math.min(one.get(band)?.length ?? 0, other.get(band)?.length ?? 0);
  const band = [...one.keys()].reduce((best, next) => (least(next) > least(best) ? next : best), 0);
  if (least(band) < MIN_REPLIES) return `Too few to compare in words: it takes ${MIN_REPLIES} replies of each, without a load and with contexts of the same length.`;
  const medians = (of) => [one, other].map((bands) => median(bands.get(band).map(of)));
  const speeds = medians((reply) => reply.tokens_per_second);
  const clauses = [
    inWords("writes", speeds[0] / speeds[1], "slower", "faster"),
    inWords("starts", ratioOf(medians((reply) => reply.time_to_first_token_seconds)), "later", "earlier"),
    inWords("takes", ratioOf(medians((reply) => reply.duration_seconds)), "longer", "less time"),
  ].filter(Boolean);
  const said = clauses.length ? AND.format(clauses) : "is as fast";
  const length = `contexts below ${count((2 ** (band + 1) - 1) * FIRST_BAND)} tokens`;
  return `${sides[1].name} ${said} than ${sides[0].name} (${speeds.toReversed().map(speed).join(" against ")} tokens/s, in ${length}).`;
}

const ratioOf = ([before, after]) => after / before;

function inWords(verb, ratio, more, less) {
  if (!Number.isFinite(ratio) || (ratio < SAME && ratio > 1 / SAME)) return null;
  return `${verb} ${Math.max(ratio, 1 / ratio).toFixed(1)}× ${ratio > 1 ? more : less}`;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length / 2) - 1];
}
