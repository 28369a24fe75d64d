// The tooltip: a heading and lines of numbers, beside the pointer and inside the window.

import { byId, el, fill } from "./dom.js";

const GAP = 14; // pixels between it and the pointer

/** Shows it at a point of the window. A line is {label, value, kind}; `kind` is the class of its colour. */
export function showTooltip(x, y, heading, lines, hint = "") {
  const tooltip = byId("tooltip");
  fill(
    tooltip,
    el("strong", {}, heading),
    lines.map(({ label, value, kind }) =>
      el("div", {}, kind && el("i", { class: `swatch ${kind}` }), el("span", {}, label), el("b", {}, value)),
    ),
    hint && el("em", {}, hint),
  );
  tooltip.hidden = false;
  const { width, height } = tooltip.getBoundingClientRect();
  const left = x + GAP + width > innerWidth - 8 ? x - GAP - width : x + GAP;
  tooltip.style.left = `${Math.max(8, left)}px`;
  tooltip.style.top = `${Math.max(8, Math.min(y - height / 2, innerHeight - height - 8))}px`;
}

export function hideTooltip() {
  byId("tooltip").hidden = true;
}
