// The base of all charts: a drawing as wide as its container, columns that follow pointer, finger or arrow keys, and the axis.

import { announce, el, fill, svg } from "./dom.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

const MIN_WIDTH = 100; // pixels of width below which nothing is drawn: the chart is hidden, or about to be laid out
const MARGIN = { top: 10, right: 2, bottom: 22, left: 40 };

/** Columns of numbers. A subclass defines `label`, `columns()`, `draw(box)`, `describe(column)` and perhaps `pick(column)`. */
export class Chart {
  constructor(host, label) {
    this.host = host;
    this.active = null;
    host.tabIndex = 0;
    host.setAttribute("role", "group");
    host.setAttribute("aria-label", `${label}. The arrow keys go through the columns.`);
    host.addEventListener("pointermove", (event) => this.activate(this.columnAt(event.clientX), event.clientX, event.clientY));
    host.addEventListener("pointerleave", () => this.hideCursor());
    host.addEventListener("blur", () => this.hideCursor());
    host.addEventListener("click", (event) => this.columns().length && this.pick(this.columns()[this.columnAt(event.clientX)]));
    host.addEventListener("keydown", (event) => this.handleKey(event));
    new ResizeObserver(() => this.redraw()).observe(host);
  }

  pick() {}

  /** Draws the current columns, or a note where there are none. */
  redraw() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width < MIN_WIDTH || !this.columns()) return;
    if (this.columns().length === 0) return fill(this.host, el("p", { class: "none" }, "No requests in this range"));
    this.box = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    this.cursor = svg("rect", { class: "cursor", y: 0, width: this.step(), height: this.box.height, visibility: "hidden" });
    const drawing = svg("g", { transform: `translate(${MARGIN.left} ${MARGIN.top})` }, this.cursor, this.draw(this.box));
    fill(this.host, svg("svg", { width, height, "aria-hidden": "true" }, drawing));
    if (this.active !== null) this.moveCursor();
  }

  step() {
    return this.box.width / this.columns().length;
  }

  columnAt(clientX) {
    const x = clientX - this.host.getBoundingClientRect().left - MARGIN.left;
    return Math.max(0, Math.min(Math.floor(x / this.step()), this.columns().length - 1));
  }

  activate(column, x, y) {
    if (!this.columns()?.length) return;
    this.active = column;
    this.moveCursor();
    const { heading, lines, hint } = this.describe(this.columns()[column]);
    showTooltip(x, y, heading, lines, hint);
  }

  moveCursor() {
    this.active = Math.min(this.active, this.columns().length - 1);
    this.cursor.setAttribute("x", this.active * this.step());
    this.cursor.setAttribute("visibility", "visible");
  }

  hideCursor() {
    this.active = null;
    this.cursor?.setAttribute("visibility", "hidden");
    hideTooltip();
  }

  handleKey(event) {
    const last = (this.columns()?.length ?? 0) - 1;
    const moves = { ArrowLeft: (this.active ?? last + 1) - 1, ArrowRight: (this.active ?? -1) + 1, Home: 0, End: last };
    if (event.key === "Escape") return this.hideCursor();
    if (event.key === "Enter" && this.active !== null) return this.pick(this.columns()[this.active]);
    if (!(event.key in moves) || last < 0) return;
    event.preventDefault();
    const column = Math.max(0, Math.min(moves[event.key], last));
    const bounds = this.host.getBoundingClientRect();
    this.activate(column, bounds.left + MARGIN.left + (column + 0.5) * this.step(), bounds.top + bounds.height / 2);
    const { heading, lines } = this.describe(this.columns()[column]);
    announce(`${heading}: ${lines.map(({ label, value }) => `${label} ${value}`).join(", ")}`);
  }
}

/** Draws horizontal lines at round numbers up to `max`, each with its label; returns them and the height of one unit. */
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

/** Draws a label below the horizontal axis. */
export function axisLabel(box, x, text) {
  const anchor = x < 16 ? "start" : x > box.width - 16 ? "end" : "middle";
  return svg("text", { class: "axis", x, y: box.height + 16, "text-anchor": anchor }, text);
}

/** Returns the smallest of 1, 2 and 5 times a power of ten that is at least `value`, and at least 1. */
function roundStep(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= value) ?? 1;
}
