// The statistics of the chosen range: cards, timelines, latency, and groups.

import { byId, el, fill } from "./dom.js";
import { fetchJson } from "./api.js";
import { change, hours, localTime, state } from "./state.js";
import { Timeline } from "./timeline.js";
import { Histogram } from "./histogram.js";
import { showOverview, showOverviewSkeleton } from "./overview.js";
import { showBreakdown } from "./breakdown.js";
import { addMachineOptions, addModelOptions } from "./filters.js";
import { title } from "./format.js";

const REST_FACTOR = 5; // times the duration of a fetch that pass before the next one
const MIN_TIMELINE_SECONDS = 300; // seconds that a timeline shows at least
const STALE_AFTER = 60_000; // milliseconds after which they are fetched although no request came

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
/** The last fetch: its range, the state of the history, when it ended, and how long it took (milliseconds). */
let last = { range: "", history: "", at: 0, elapsed: 0 };
let numbers = null;

export function prepareNumbers() {
  const pick = (slot, seconds) => {
    change({ from: localTime(slot.timestamp), to: localTime(slot.timestamp + seconds) });
    byId("messages").scrollIntoView({ block: "start" });
  };
  charts.requests = new Timeline(byId("requests-chart"), "Requests over time", OUTCOMES, pick);
  charts.tokens = new Timeline(byId("tokens-chart"), "Tokens over time", DIRECTIONS, pick);
  charts.latency = new Histogram(byId("latency-chart"), "How latencies are spread");
  legend("requests-legend", OUTCOMES);
  legend("tokens-legend", DIRECTIONS);
  byId("latency").addEventListener("change", () => numbers && drawLatency());
  showOverviewSkeleton();
}

/** Fetches the numbers if they can differ from those shown. `stats` is the promise of an answer of /analytics/stats. */
export async function refreshNumbers(stats, signal) {
  const { range } = state;
  const isNew = range !== last.range;
  if (isNew && numbers) setBusy(true);
  try {
    const known = await stats;
    const history = `${known.records} ${known.newest}`;
    const age = performance.now() - last.at;
    if (!isNew && (age < last.elapsed * REST_FACTOR || (history === last.history && age < STALE_AFTER))) return;
    const started = performance.now();
    numbers = await fetchJson("stats/enhanced", { hours: shownHours(known) }, signal);
    last = { range, history, at: performance.now(), elapsed: performance.now() - started };
  } finally {
    setBusy(false);
  }
  drawNumbers();
}

/** Draws the last answer; also after the filters changed, because the chosen groups are marked. */
export function drawNumbers() {
  if (!numbers) return;
  showOverview(numbers);
  charts.tokens.show(numbers.timeline, numbers.timeline_step_seconds, []);
  drawLatency();
  drawPicked();
  addModelOptions(numbers.by_model.map((group) => group.name));
  addMachineOptions(numbers.by_host.map((group) => group.name));
}

/** Marks where another Ollama began to answer, or another file of the chosen model. */
function marks() {
  const shown = numbers.changes.filter(({ changed, model }) => changed === "version" || model === state.model);
  return shown.map(({ timestamp, changed, to }) => ({ timestamp, text: changed === "version" ? `Ollama ${to}` : `file ${to}` }));
}

/** Draws what depends on the filters: the groups, of which chosen ones are marked, and the marks of the chosen model. */
export function drawPicked() {
  if (!numbers) return;
  charts.requests.show(numbers.timeline, numbers.timeline_step_seconds, marks());
  const pick = (field) => (name) => change({ [field]: name });
  showBreakdown("by-model", numbers.by_model, { onPick: pick("model"), picked: state.model });
  showBreakdown("by-category", numbers.by_category, { onPick: pick("category"), picked: state.category, name: title });
  showBreakdown("by-client", numbers.by_client);
  byId("machines").hidden = numbers.by_host.length < 2;
  showBreakdown("by-machine", numbers.by_host, { onPick: pick("machine"), picked: state.machine });
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

/** Returns the chosen hours, or fewer for a young history, so that it shows no long empty past. */
function shownHours({ oldest }) {
  const now = Date.now() / 1000;
  const age = Math.max(MIN_TIMELINE_SECONDS, (now - (oldest ?? now)) * 1.02);
  return Math.min(hours() ?? Infinity, age / 3600);
}
