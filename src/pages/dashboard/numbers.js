// The statistics of the chosen time and filters, drawn by the panels.

import { byId, el, fill, keepingFocus } from "./dom.js";
import { change, state } from "./state.js";
import { Timeline } from "./timeline.js";
import { Histogram } from "./histogram.js";
import { showOverview, showOverviewSkeleton } from "./overview.js";
import { showBreakdown } from "./breakdown.js";
import { addFoundOptions, addMachineOptions, clientValue } from "./filters.js";
import { title } from "./format.js";
import { prepareSpent, showSpent } from "./spent.js";
import { showTable } from "./tables.js";
import { showErrors } from "./errors.js";
import { compareBox, showComparison } from "./compare.js";
import { prepareTrend, showTrend } from "./trend.js";
import { visible } from "./visible.js";

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
/** What was counted last, see `showNumbers`. */
let counted = null;

export function prepareNumbers() {
  charts.requests = new Timeline(byId("requests-chart"), "Requests over time", OUTCOMES);
  charts.tokens = new Timeline(byId("tokens-chart"), "Tokens over time", DIRECTIONS, { of: "tokens" });
  charts.latency = new Histogram(byId("latency-chart"), "How latencies are spread");
  legend("requests-legend", OUTCOMES);
  legend("tokens-legend", DIRECTIONS);
  prepareScales();
  prepareSpent();
  prepareTrend();
  byId("latency").addEventListener("change", () => counted && drawLatency(counted.numbers));
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
 * Draws an answer of stats/enhanced, as `numbers`, and what belongs to it: the sides of a `comparison` of two models, the answer whose
 * `failures` are told, and the words for the time that all is `comparedWith`.
 */
export function showNumbers(answers) {
  counted = answers;
  drawNumbers();
}

/** Draws the last answer; also after the filters changed, because the chosen groups are marked. */
export function drawNumbers() {
  if (!counted) return;
  const panel = document.activeElement?.closest("#kpis, #numbers .card") ?? byId("kpis");
  keepingFocus(panel, () => drawPanels(counted));
}

function drawPanels({ numbers, comparison, comparedWith, failures }) {
  const { timeline, timeline_step_seconds: step } = numbers;
  showOverview(numbers, comparedWith);
  charts.requests.show(timeline, step, marks(numbers));
  charts.tokens.show(timeline, step, []);
  showSpent(numbers);
  showTrend(numbers, comparison);
  drawLatency(numbers);
  drawGroups({ numbers, comparison, failures });
  addFoundOptions(numbers);
  addMachineOptions((numbers.by_host ?? []).map((group) => group.name));
}

/** Marks where another Ollama began to answer, or another file of the chosen model. */
function marks({ changes = [] }) {
  const shown = changes.filter(({ changed, model }) => changed === "version" || model === state.model);
  return shown.map(({ timestamp, changed, to }) => ({ timestamp, text: changed === "version" ? `Ollama ${to}` : `file ${to}` }));
}

function drawGroups({ numbers, comparison, failures }) {
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
  showErrors(failures);
  showComparison(comparison);
  showBreakdown("by-category", numbers.by_category, { onPick: pick("category"), picked: state.category, name: title });
  const hosts = numbers.by_host ?? [];
  byId("machines").hidden = hosts.length < 2;
  showBreakdown("by-machine", hosts, { onPick: pick("machine"), picked: state.machine });
}

function drawLatency({ totals, duration_buckets: durations, time_to_first_token_buckets: firsts }) {
  const isFirst = byId("latency").querySelector(":checked").value === "first";
  if (isFirst) charts.latency.show(firsts, totals.time_to_first_token_seconds);
  else charts.latency.show(durations, totals.duration_seconds);
}

function legend(id, parts) {
  fill(
    byId(id),
    parts.map(({ label, kind }) => el("li", {}, el("i", { class: `swatch ${kind}` }), label)),
  );
}
