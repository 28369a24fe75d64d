// The choice of the time: presets, two times of one's own, and what span and zone that is.

import { byId, el, fill } from "./dom.js";
import { change, state } from "./state.js";
import { isReversed, periodOf, PRESETS, zone } from "./period.js";
import { moments } from "./format.js";

export function prepareTimebar() {
  const range = byId("range");
  const choices = Object.entries(PRESETS).map(([value, [name]]) =>
    el("label", {}, el("input", { type: "radio", name: "range", value }), el("span", {}, name)),
  );
  range.append(...choices);
  range.addEventListener("change", (event) => change({ range: event.target.value, from: "", to: "" }));
  showTimebar();
}

/** Marks the chosen time. One's own times are no preset: none is marked then. */
export function showTimebar() {
  const isOwn = state.from !== "" || state.to !== "";
  for (const choice of byId("range").querySelectorAll("input")) choice.checked = !isOwn && choice.value === state.range;
  byId("moments").classList.toggle("chosen", isOwn);
  if (isOwn) byId("moments").open = true;
  byId("moments-fault").hidden = !isReversed(state);
  const { start, end } = periodOf(state);
  const span = start === null && end === null ? "Whole history" : moments(start, end);
  fill(byId("zone"), el("span", {}, span), " ", el("b", { title: "Hours and days are those of this time zone" }, zone.replaceAll("_", " ")));
}
