// Where the time goes: waiting, loading, reading the prompt, writing; and the loads of models by their cause.

import { byId, el, fill } from "./dom.js";
import { axisDuration, count, duration, NONE, percent, plural } from "./format.js";
import { change, state } from "./state.js";
import { Timeline } from "./timeline.js";
import { visible } from "./visible.js";

const PARTS = [
  { label: "Queue", kind: "queue", name: "queue" },
  { label: "Load", kind: "load", name: "load" },
  { label: "Prompt", kind: "prompt", name: "prompt" },
  { label: "Generation", kind: "generated", name: "generation" },
  { label: "Other", kind: "other", name: "other" },
].map((part) => ({ ...part, of: (slot) => slot.time_spent?.[part.name] ?? 0 }));

const CAUSES = {
  first: "first use",
  expired: "keep alive ran out",
  unloaded: "was unloaded",
  options: "other options were asked for",
  room: "another model needed the room",
  name: "called by another name",
  unknown: "cause unknown",
};

let spentChart = null;
let spentDrawn = null;

export function prepareSpent() {
  spentChart = new Timeline(byId("spent-chart"), "Where the time goes", PARTS, { format: duration, axisFormat: axisDuration, least: 0.001 });
  byId("spent").addEventListener("change", () => spentDrawn && showSpent(spentDrawn));
}

/** Draws the parts over time and in all, from an answer of stats/enhanced. */
export function showSpent(numbers) {
  spentDrawn = numbers;
  const isShare = byId("spent").querySelector(":checked").value === "share";
  spentChart.show(numbers.timeline, numbers.timeline_step_seconds, [], isShare);
  const spent = numbers.time_spent ?? {};
  const all = PARTS.reduce((sum, { name }) => sum + (spent[name] ?? 0), 0);
  fill(
    byId("spent-sums"),
    all > 0 &&
      PARTS.map(({ label, kind, name }) =>
        el("li", {}, el("i", { class: `swatch ${kind}` }), label, el("b", {}, percent((spent[name] ?? 0) / all)), el("small", {}, duration(spent[name] ?? 0))),
      ),
  );
  showLoads(numbers);
}

/** Says how often a model had to be loaded, why, and what that cost. */
function showLoads({ totals, by_reload_cause: causes = [] }) {
  const loads = totals.cold_starts ?? 0;
  const host = byId("loads");
  host.hidden = loads === 0;
  if (loads === 0) return;
  const lost = causes.reduce((sum, cause) => sum + cause.seconds_lost, 0);
  const waited = lost > 0 ? `, ${duration(lost)} waited` : "";
  const only = state.finding === "model_reload";
  const list = () => change({ finding: only ? "" : "model_reload" });
  const button = { type: "button", class: "link", "aria-pressed": String(only), "data-control": "reloads", click: list };
  fill(
    host,
    el("p", {}, el("span", {}, el("b", {}, plural(loads, "cold start")), waited), el("button", button, "Show reloads only")),
    el("ul", {}, causes.map(load)),
  );
}

function load({ cause, requests, models, seconds_lost: lost }) {
  return el(
    "li",
    {},
    el("b", {}, `${count(requests)}×`),
    el("span", {}, CAUSES[cause] ?? cause),
    el("bdi", { class: "muted" }, visible(models.join(", "))),
    el("small", {}, lost > 0 ? duration(lost) : NONE),
  );
}
