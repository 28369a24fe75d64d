// The base of all charts: a drawing as wide as its container, columns that follow pointer, finger or arrow keys, and the axis.

import { announce, el, fill, svg } from "./dom.js";
import { selects } from "./selection.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

const MIN_WIDTH = 100; // pixels of width below which nothing is drawn: the chart is hidden, or about to be laid out
const TIME_STEPS = [30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18_000, 36_000, 86_400, 432_000]; // seconds between the lines of an axis
const HALF_LABEL = 28; // pixels, at most
const MAX_LOG_LINES = 4; // lines of a logarithmic axis above its base
const MARGIN = { top: 10, right: 2, bottom: 22, left: 54 };

/**
 * Columns of numbers. A subclass defines `columns()`, `draw(box)` and `describe(column)`; where columns can be chosen also
 * `pick(first, last)` and `reset()`.
 */
export class Chart {
  /** `of` says what is counted. */
  constructor(host, label, of = "requests") {
    this.host = host;
    this.of = of;
    this.active = null;
    this.anchor = null;
    this.size = { width: 0, height: 0 };
    host.tabIndex = 0;
    host.setAttribute("role", "group");
    host.setAttribute("aria-label", `${label}. The arrow keys go through the columns.`);
    host.addEventListener("pointermove", (event) => this.activate(this.columnAt(event.clientX), event.clientX, event.clientY));
    host.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.hideCursor());
    host.addEventListener("blur", () => this.hideCursor());
    host.addEventListener("keydown", (event) => this.handleKey(event));
    new ResizeObserver(() => this.resize()).observe(host);
    selects(this);
  }

  /** What is said where there is nothing to draw. */
  nothing() {
    return `No ${this.of} in this time`;
  }

  /** Notes how much room there is. Asked for while charts are drawn, that would have the page laid out anew for each of them. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.host;
    this.size = { width, height };
    this.redraw();
  }

  /** Draws the current columns, or a note where there are none. */
  redraw() {
    const { width, height } = this.size;
    if (width < MIN_WIDTH || !this.columns()) return;
    if (this.columns().length === 0) return fill(this.host, el("p", { class: "none" }, this.nothing()));
    this.box = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    this.cursor = svg("rect", { class: "cursor", y: 0, width: this.step(), height: this.box.height, visibility: "hidden" });
    const drawing = svg("g", { transform: `translate(${MARGIN.left} ${MARGIN.top})` }, this.cursor, this.draw(this.box));
    fill(this.host, svg("svg", { width, height, "aria-hidden": "true" }, drawing));
    if (this.active !== null) this.activate(Math.min(this.active, this.columns().length - 1), ...this.pointer);
  }

  step() {
    return this.box.width / this.columns().length;
  }

  columnAt(clientX) {
    if (!this.box || !this.columns()?.length) return 0;
    const x = clientX - this.host.getBoundingClientRect().left - MARGIN.left;
    return Math.max(0, Math.min(Math.floor(x / this.step()), this.columns().length - 1));
  }

  activate(column, x, y) {
    if (!this.columns()?.length) return;
    [this.active, this.pointer] = [column, [x, y]];
    this.moveCursor();
    const { heading, lines, hint } = this.describe(this.columns()[column]);
    showTooltip(x, y, heading, lines, hint);
  }

  /** Covers the active column, or all from the one where a choice began. */
  moveCursor() {
    this.active = Math.min(this.active, this.columns().length - 1);
    this.cover(...this.chosen());
  }

  cover(first, last) {
    if (!this.cursor) return;
    this.cursor.setAttribute("x", first * this.step());
    this.cursor.setAttribute("width", (last - first + 1) * this.step());
    this.cursor.setAttribute("visibility", "visible");
  }

  uncover() {
    this.cursor?.setAttribute("visibility", "hidden");
  }

  /** Returns the first and the last column of what is being chosen. New numbers may have fewer of them. */
  chosen() {
    const last = this.columns().length - 1;
    const ends = [this.anchor ?? this.active, this.active].map((column) => Math.min(column, last));
    return [Math.min(...ends), Math.max(...ends)];
  }

  hideCursor() {
    this.active = null;
    this.anchor = null;
    this.uncover();
    hideTooltip();
  }

  handleKey(event) {
    const last = (this.columns()?.length ?? 0) - 1;
    const moves = { ArrowLeft: (this.active ?? last + 1) - 1, ArrowRight: (this.active ?? -1) + 1, Home: 0, End: last };
    if (event.key === "Escape") return this.hideCursor();
    if (event.key === "Enter" && this.active !== null) return this.pick?.(...this.chosen().map((n) => this.columns()[n]));
    if (!(event.key in moves) || last < 0) return;
    event.preventDefault();
    this.anchor = event.shiftKey ? (this.anchor ?? this.active) : null;
    const column = Math.max(0, Math.min(moves[event.key], last));
    const bounds = this.host.getBoundingClientRect();
    this.activate(column, bounds.left + MARGIN.left + (column + 0.5) * this.step(), bounds.top + bounds.height / 2);
    const { heading, lines } = this.describe(this.columns()[column]);
    announce(`${heading}: ${lines.map(({ label, value }) => `${label} ${value}`).join(", ")}`);
  }
}

/** Draws horizontal lines at round numbers up to `max`, each with its label; returns them and the height of one unit. `isTime`: seconds. */
export function valueAxis(box, max, format, least = 1, isTime = false) {
  const step = (isTime && TIME_STEPS.find((step) => step >= max / 3 && max > 60)) || roundStep(max / 3, least);
  const top = Math.max(step, Math.ceil(max / step - 1e-9) * step);
  const scale = box.height / top;
  const lines = Array.from({ length: Math.round(top / step) + 1 }, (_, n) => axisLine(box, n * step * scale, n ? format(n * step) : "0"));
  return { lines: lines.flat(), scale };
}

/** Draws horizontal lines at powers of ten up to `max`; returns them, and by `scaleOf(sum)` the height of one unit in a column of that sum. */
export function logAxis(box, max, format) {
  const top = Math.max(1, Math.ceil(Math.log10(max)));
  const heightOf = (value) => (Math.log10(1 + value) / Math.log10(1 + 10 ** top)) * box.height;
  const every = Math.ceil(top / MAX_LOG_LINES);
  const powers = Array.from({ length: Math.floor(top / every) + 1 }, (_, n) => 10 ** (top - n * every));
  const lines = [axisLine(box, 0, "0"), ...powers.map((power) => axisLine(box, heightOf(power), format(power)))];
  return { lines: lines.flat(), scaleOf: (sum) => heightOf(sum) / (sum || 1) };
}

/** A horizontal line at a height above the base, with its label. */
function axisLine(box, height, label) {
  const y = box.height - height;
  return [
    svg("line", { class: height ? "grid" : "base", x1: 0, x2: box.width, y1: y, y2: y }),
    svg("text", { class: "axis", x: -8, y: y + 4, "text-anchor": "end" }, label),
  ];
}

/** Draws a label below the horizontal axis, whole. */
export function axisLabel(box, x, text) {
  const anchor = x > box.width - HALF_LABEL ? "end" : "middle"; // at the left there is room beside the vertical axis
  return svg("text", { class: "axis", x, y: box.height + 16, "text-anchor": anchor }, text);
}

/** Returns the smallest of 1, 2 and 5 times a power of ten that is at least `value`, and at least `least`. */
function roundStep(value, least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, least)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= value * 0.999_999) ?? least;
}
