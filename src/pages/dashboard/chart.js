// What all charts share: a drawing as wide as its place, columns to point at with pointer, finger or arrow keys, and the axis.

import { el, fill, say, svg } from "./dom.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

const LEAST = 100; // pixels of width below which nothing is drawn: the chart is hidden, or about to be laid out
const EDGE = { top: 10, right: 2, bottom: 22, left: 40 };

/** Columns of numbers. A subclass says what they are: `label`, `columns()`, `draw(box)`, `tell(column)` and perhaps `pick(column)`. */
export class Chart {
  constructor(host, label) {
    this.host = host;
    this.at = null;
    host.tabIndex = 0;
    host.setAttribute("role", "group");
    host.setAttribute("aria-label", `${label}. The arrow keys go through the columns.`);
    host.addEventListener("pointermove", (event) => this.point(this.columnAt(event.clientX), event.clientX, event.clientY));
    host.addEventListener("pointerleave", () => this.leave());
    host.addEventListener("blur", () => this.leave());
    host.addEventListener("click", (event) => this.columns().length && this.pick(this.columns()[this.columnAt(event.clientX)]));
    host.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.redraw()).observe(host);
  }

  pick() {}

  /** Draws what is there now; where there is nothing, says so. */
  redraw() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width < LEAST || !this.columns()) return;
    if (this.columns().length === 0) return fill(this.host, el("p", { class: "none" }, "No requests in this time"));
    this.box = { width: width - EDGE.left - EDGE.right, height: height - EDGE.top - EDGE.bottom };
    this.cursor = svg("rect", { class: "cursor", y: 0, width: this.step(), height: this.box.height, visibility: "hidden" });
    const drawing = svg("g", { transform: `translate(${EDGE.left} ${EDGE.top})` }, this.cursor, this.draw(this.box));
    fill(this.host, svg("svg", { width, height, "aria-hidden": "true" }, drawing));
    if (this.at !== null) this.mark();
  }

  step() {
    return this.box.width / this.columns().length;
  }

  columnAt(clientX) {
    const x = clientX - this.host.getBoundingClientRect().left - EDGE.left;
    return Math.max(0, Math.min(Math.floor(x / this.step()), this.columns().length - 1));
  }

  point(column, x, y) {
    if (!this.columns()?.length) return;
    this.at = column;
    this.mark();
    const { heading, lines, hint } = this.tell(this.columns()[column]);
    showTooltip(x, y, heading, lines, hint);
  }

  mark() {
    this.at = Math.min(this.at, this.columns().length - 1);
    this.cursor.setAttribute("x", this.at * this.step());
    this.cursor.setAttribute("visibility", "visible");
  }

  leave() {
    this.at = null;
    this.cursor?.setAttribute("visibility", "hidden");
    hideTooltip();
  }

  key(event) {
    const last = (this.columns()?.length ?? 0) - 1;
    const moves = { ArrowLeft: (this.at ?? last + 1) - 1, ArrowRight: (this.at ?? -1) + 1, Home: 0, End: last };
    if (event.key === "Escape") return this.leave();
    if (event.key === "Enter" && this.at !== null) return this.pick(this.columns()[this.at]);
    if (!(event.key in moves) || last < 0) return;
    event.preventDefault();
    const column = Math.max(0, Math.min(moves[event.key], last));
    const place = this.host.getBoundingClientRect();
    this.point(column, place.left + EDGE.left + (column + 0.5) * this.step(), place.top + place.height / 2);
    const { heading, lines } = this.tell(this.columns()[column]);
    say(`${heading}: ${lines.map(({ label, value }) => `${label} ${value}`).join(", ")}`);
  }
}

/** Lines across at round numbers up to `max`, each with its number; returns them and the height of one unit. */
export function valueAxis(box, max, format) {
  const step = roundStep(max / 3);
  const top = Math.max(step, Math.ceil(max / step) * step);
  const scale = box.height / top;
  const lines = Array.from({ length: Math.round(top / step) + 1 }, (_, n) => {
    const y = box.height - n * step * scale;
    return [
      svg("line", { class: n ? "grid" : "base", x1: 0, x2: box.width, y1: y, y2: y }),
      svg("text", { class: "axis", x: -8, y: y + 4, "text-anchor": "end" }, format(n * step)),
    ];
  });
  return { lines: lines.flat(), scale };
}

/** A text below the axis. */
export function mark(box, x, text) {
  const anchor = x < 16 ? "start" : x > box.width - 16 ? "end" : "middle";
  return svg("text", { class: "axis", x, y: box.height + 16, "text-anchor": anchor }, text);
}

/** The smallest of 1, 2 and 5 times a power of ten that is not below `value`, and never below 1. */
function roundStep(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= value) ?? 1;
}
