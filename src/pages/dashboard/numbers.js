// The statistics of the chosen time and filters: they are fetched here, and drawn by the panels.

import { byId, el, fill } from "./dom.js";
import { fetchJson } from "./api.js";
import { change, FILTERS, filterQuery, state } from "./state.js";
import { comparisonName, comparisonOf, DAY_SECONDS, periodOf, zone } from "./period.js";
import { Timeline } from "./timeline.js";
import { Histogram } from "./histogram.js";
import { showOverview, showOverviewSkeleton } from "./overview.js";
import { showBreakdown } from "./breakdown.js";
import { addFoundOptions, addMachineOptions, clientValue } from "./filters.js";
import { shortTime, title } from "./format.js";
import { prepareSpent, showSpent } from "./spent.js";
import { showTable } from "./tables.js";
import { showErrors } from "./errors.js";
import { compareBox, fetchComparison, showComparison } from "./compare.js";
import { prepareTrend, showTrend } from "./trend.js";
import { visible } from "./visible.js";

const REST_FACTOR = 5; // times the duration of a fetch that pass before the next one
const MIN_TIMELINE_SECONDS = 300; // seconds that a timeline shows at least
const MIN_STALE = 60; // seconds after which they are fetched although no request came, at least
const SLOW_AFTER = 4000; // milliseconds after which the page says that they take longer
const DAYS_FROM = 10 * DAY_SECONDS; // seconds of a time whose slots are days
const DAYS_UNTIL = 400 * DAY_SECONDS;
const YOUNG_SHARE = 0.05; // of the chosen time that may be empty before the history begins

const OUTCOMES = [
  { label: "Success", kind: "success", of: (slot) => slot.requests - slot.error - slot.cancelled },
  { label: "Cancelled", kind: "cancelled", of: (slot) => slot.cancelled },
  { label: "Error", kind: "error", of: (slot) => slot.error },
];
const DIRECTIONS = [
  { label: "In", kind: "prompt", of: (slot) => slot.prompt_tokens },
  { label: "Out", kind: "generated", of: (slot) => slot.generated_tokens },
];

const charts = {};
/** The last fetch: what was asked, the state of the history, when it ended, and how long it took (milliseconds). */
let last = { question: "", history: "", at: 0, elapsed: 0 };
/** The fetch that is under way: what is asked, and how to end it. */
let counting = null;
let numbers = null;
/** What they are compared with, in words: the choice may be another already. */
let comparedWith = "";
let comparison = [];

export function prepareNumbers() {
  charts.requests = new Timeline(byId("requests-chart"), "Requests over time", OUTCOMES);
  charts.tokens = new Timeline(byId("tokens-chart"), "Tokens over time", DIRECTIONS, { of: "tokens" });
  charts.latency = new Histogram(byId("latency-chart"), "How latencies are spread");
  legend("requests-legend", OUTCOMES);
  legend("tokens-legend", DIRECTIONS);
  prepareScales();
  prepareSpent();
  prepareTrend();
  byId("latency").addEventListener("change", () => numbers && drawLatency());
  showOverviewSkeleton();
}

/** Lets a button beside a chart choose its scale: in a linear one, a burst flattens the rest. */
function prepareScales() {
  for (const button of document.querySelectorAll("[data-log]")) {
    button.addEventListener("click", () => {
      const isLog = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(isLog));
      charts[button.dataset.log].setLog(isLog);
    });
  }
}

/**
 * Fetches the numbers if they can differ from those shown. `stats` is the promise of an answer of /analytics/stats. Numbers that
 * take long are waited for without holding up the rest of the page, and the same question is never put twice at once.
 */
export async function refreshNumbers(stats, onLateError) {
  const today = new Date().toDateString(); // at midnight "today" is another time
  const question = [...[...FILTERS, "range", "compare"].map((name) => state[name]), today].join("\n");
  const isNew = question !== last.question;
  if (counting && counting.question !== question) endCounting(); // its answer would be drawn under another choice
  if (isNew && numbers) setBusy(true);
  try {
    const known = await stats;
    if (counting?.question === question) return;
    const history = `${known.records} ${known.newest}`;
    const age = performance.now() - last.at;
    if (!isNew && (age < last.elapsed * REST_FACTOR || (history === last.history && age < staleAfter()))) return setBusy(false);
    await untilSlow(fetchNumbers(question, history, known), onLateError);
  } catch (cause) {
    setBusy(false);
    throw cause;
  }
}

/** Milliseconds after which numbers are old without any request: their time has moved on by a slot. */
const staleAfter = () => Math.max(MIN_STALE, numbers?.timeline_step_seconds ?? 0) * 1000;

/** Waits for a fetch, but no longer than until it is slow; what goes wrong later is told to `onLateError`. */
async function untilSlow(fetch, onLateError) {
  let isLate = false;
  const slow = new Promise((resolve) => {
    setTimeout(() => resolve((isLate = true)), SLOW_AFTER);
  });
  fetch.catch((cause) => isLate && onLateError(cause));
  await Promise.race([fetch, slow]);
}

function endCounting() {
  counting.controller.abort();
  counting = null;
}

async function fetchNumbers(question, history, known) {
  const own = { question, controller: new AbortController() };
  const name = comparisonName(state);
  counting = own;
  const since = performance.now();
  const timer = setInterval(() => sayTime((performance.now() - since) / 1000), 1000);
  try {
    const shared = parameters(known);
    const ask = (fields) => fetchJson("stats/enhanced", { ...shared, ...fields }, own.controller.signal, Infinity);
    const answers = await Promise.all([ask({ facets: true }), fetchComparison(ask, own.controller.signal)]);
    if (counting !== own) return;
    [numbers, comparison, comparedWith] = [...answers, name];
    last = { question, history, at: performance.now(), elapsed: performance.now() - since };
    setBusy(false);
    drawNumbers();
  } catch (cause) {
    if (counting === own) throw cause;
  } finally {
    clearInterval(timer);
    if (counting === own) counting = null;
    if (!counting) sayTime(0);
  }
}

/** Says that the numbers take longer, once they do. */
function sayTime(seconds) {
  const isSlow = seconds * 1000 >= SLOW_AFTER;
  byId("slow").textContent = isSlow ? `The numbers take longer: ${Math.round(seconds)} s so far` : "";
}

/** Returns what is asked for, except a long past before the history begins. */
function parameters({ oldest }) {
  const now = Date.now() / 1000;
  const { start: chosen, end } = periodOf(state, now);
  const begin = Math.min(oldest ?? now, now - MIN_TIMELINE_SECONDS);
  const isYoung = chosen === null || begin - chosen > ((end ?? now) - chosen) * YOUNG_SHARE;
  const start = isYoung && begin < (end ?? now) ? begin : (chosen ?? begin);
  byId("young").textContent = isYoung && chosen !== null && oldest ? `The history begins at ${shortTime(oldest)}` : "";
  const times = { start_time: start.toFixed(3), ...(end !== null && { end_time: end }) };
  return { ...filterQuery(), ...times, tz: zone, step: stepOf((end ?? now) - start), compare: comparisonOf(state) };
}

/** Longer times are counted by days, as people do, unless there are too many to be told apart. */
const stepOf = (seconds) => (seconds >= DAYS_FROM && seconds <= DAYS_UNTIL ? DAY_SECONDS : "auto");

/** Draws the last answer; also after the filters changed, because the chosen groups are marked. */
export function drawNumbers() {
  if (!numbers) return;
  const { timeline, timeline_step_seconds: step } = numbers;
  showOverview(numbers, comparedWith);
  charts.requests.show(timeline, step, marks());
  charts.tokens.show(timeline, step, []);
  showSpent(numbers);
  showTrend(numbers, comparison);
  drawLatency();
  drawGroups();
  addFoundOptions(numbers);
  addMachineOptions((numbers.by_host ?? []).map((group) => group.name));
}

/** Marks where another Ollama began to answer, or another file of the chosen model. */
function marks() {
  const shown = (numbers.changes ?? []).filter(({ changed, model }) => changed === "version" || model === state.model);
  return shown.map(({ timestamp, changed, to }) => ({ timestamp, text: changed === "version" ? `Ollama ${to}` : `file ${to}` }));
}

function drawGroups() {
  const pick = (field) => (name) => change({ [field]: name });
  const plain = ({ name }) => name;
  showTable("by-model", numbers.by_model, {
    label: "Table of models",
    first: "Model",
    name: ({ name }) => el("bdi", { class: "name", title: name }, visible(name)),
    value: plain,
    picked: state.model,
    onPick: pick("model"),
    extra: { name: "Compare", cell: compareBox },
  });
  showTable("by-client", numbers.by_client, {
    label: "Table of clients",
    first: "Client",
    name: ({ name, client_ip: ip }) => [el("bdi", { class: "name", title: name }, visible(name)), ip && el("small", { class: "muted" }, ip)],
    value: clientValue,
    picked: state.client,
    onPick: pick("client"),
    extra: { name: "", cell: () => "" }, // its columns are in line with those of the models
  });
  showErrors(numbers);
  showComparison(comparison);
  showBreakdown("by-category", numbers.by_category, { onPick: pick("category"), picked: state.category, name: title });
  const hosts = numbers.by_host ?? [];
  byId("machines").hidden = hosts.length < 2;
  showBreakdown("by-machine", hosts, { onPick: pick("machine"), picked: state.machine });
}

function drawLatency() {
  const isFirst = byId("latency").querySelector(":checked").value === "first";
  const { totals } = numbers;
  if (isFirst) charts.latency.show(numbers.time_to_first_token_buckets, totals.time_to_first_token_seconds);
  else charts.latency.show(numbers.duration_buckets, totals.duration_seconds);
}

function setBusy(isBusy) {
  for (const id of ["kpis", "numbers"]) byId(id).setAttribute("aria-busy", String(isBusy));
}

function legend(id, parts) {
  fill(
    byId(id),
    parts.map(({ label, kind }) => el("li", {}, el("i", { class: `swatch ${kind}` }), label)),
  );
}
