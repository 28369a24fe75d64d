// Requests by model, category or client: a bar for each, busiest first.

import { byId, el, fill, keepingFocus, svg } from "./dom.js";
import { compact, count, duration, percent, speed } from "./format.js";

const INITIAL_GROUPS = 5; // groups that a list shows until it is expanded

/** Ids of the lists that were expanded. */
const expanded = new Set();

/** Draws `groups` into the element with this id. A click on one calls `onPick` with its name; `name` formats it for display. */
export function showBreakdown(id, groups, { onPick, picked, name = (text) => text }) {
  const host = byId(id);
  if (groups.length === 0) return fill(host, el("p", { class: "none" }, "No requests in this range"));
  const all = groups.reduce((sum, group) => sum + group.requests, 0);
  const most = groups[0].requests;
  const shown = expanded.has(id) ? groups : groups.slice(0, INITIAL_GROUPS);
  const rows = shown.map((group) => {
    const row = [...groupFacts(group, name(group.name), all), bar(group, most)];
    const chosen = group.name === picked;
    const pick = () => onPick(chosen ? "" : group.name);
    const attributes = { type: "button", "aria-pressed": String(chosen), title: `Messages of ${name(group.name)}`, "data-control": `only ${group.name}` };
    return el("li", {}, el("button", { ...attributes, click: pick }, row));
  });
  const more = () => {
    expanded.add(id);
    keepingFocus(host, () => showBreakdown(id, groups, { onPick, picked, name }));
  };
  const rest = groups.length - shown.length;
  fill(
    host,
    el("ol", { class: "groups" }, rows),
    rest > 0 && el("button", { type: "button", class: "plain", "data-control": "more", click: more }, `Show ${count(rest)} more`),
  );
}

function groupFacts(group, name, all) {
  const failed = group.error / group.requests;
  const facts = [
    group.tokens_per_second.p50 !== null && `${speed(group.tokens_per_second.p50)} tokens/s`,
    group.duration_seconds.p95 !== null && `p95 ${duration(group.duration_seconds.p95)}`,
    failed >= 0.001 && `${percent(failed)} failed`,
  ];
  return [
    el("bdi", { class: "name", title: name }, name),
    el("span", { class: "share" }, el("b", {}, compact(group.requests)), ` ${percent(group.requests / all)}`),
    el("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
  ];
}

function bar(group, most) {
  const width = (n) => `${(n / most) * 100}%`;
  const parts = [
    ["success", group.success],
    ["cancelled", group.cancelled],
    ["error", group.error],
  ];
  let x = 0;
  const rects = parts.map(([kind, n]) => {
    const rect = svg("rect", { class: kind, x: width(x), y: 0, width: width(n), height: "100%" });
    x += n;
    return rect;
  });
  return svg("svg", { class: "meter", "aria-hidden": "true" }, rects);
}
