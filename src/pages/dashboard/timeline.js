// A timeline: a column for each slot of time, its parts stacked.

import { svg } from "./dom.js";
import { axisLabel, Chart, valueAxis } from "./chart.js";
import { compact, count, span, tick } from "./format.js";

const DAY_SECONDS = 86_400;
const LABEL_SPACING = 84; // pixels for a label of the axis and the space beside it
const LABEL_STEPS = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000, 31_536_000];

export class Timeline extends Chart {
  /** `parts`, from the bottom up, are {label, kind, of: (slot) => number}; `onPick` gets a slot and its length in seconds. */
  constructor(host, label, parts, onPick) {
    super(host, label);
    this.parts = parts;
    this.onPick = onPick;
  }

  /** Shows the slots of a stats/enhanced answer, each `seconds` long, and marks of {timestamp, text} on them. */
  show(slots, seconds, marks) {
    this.slots = slots.some((slot) => slot.requests > 0) ? slots : [];
    this.seconds = seconds;
    this.marks = marks;
    this.redraw();
  }

  columns() {
    return this.slots;
  }

  draw(box) {
    const sum = (slot) => this.parts.reduce((sum, part) => sum + part.of(slot), 0);
    const { lines, scale } = valueAxis(box, Math.max(...this.slots.map(sum)), compact);
    const gap = this.step() > 5 ? Math.min(this.step() * 0.22, 4) : 0.5;
    const bars = this.slots.map((slot, n) => this.column(slot, n * this.step() + gap / 2, this.step() - gap, box.height, scale));
    return [...lines, ...bars.flat(), ...this.markLines(box), ...this.axisLabels(box)];
  }

  column(slot, x, width, bottom, scale) {
    let y = bottom;
    return this.parts
      .filter((part) => part.of(slot) > 0)
      .map((part) => {
        const height = Math.max(part.of(slot) * scale, 1);
        y -= height;
        return svg("rect", { class: part.kind, x, y, width, height, rx: Math.min(1.5, width / 3) });
      });
  }

  /** Draws a thin line where something began, with its text. */
  markLines(box) {
    const start = this.slots[0].timestamp;
    return this.marks.flatMap(({ timestamp, text }) => {
      const x = ((timestamp - start) / (this.slots.length * this.seconds)) * box.width;
      const isRight = x > box.width / 2;
      const place = { x: x + (isRight ? -4 : 4), y: 2, "text-anchor": isRight ? "end" : "start" };
      return [svg("line", { class: "mark", x1: x, x2: x, y1: -6, y2: box.height }), svg("text", { class: "axis mark", ...place }, text)];
    });
  }

  /** Draws labels at round times of the reader's clock. */
  axisLabels(box) {
    const start = this.slots[0].timestamp;
    const length = this.slots.length * this.seconds;
    const wanted = (length * LABEL_SPACING) / box.width;
    const step = LABEL_STEPS.find((step) => step >= wanted && step >= this.seconds) ?? wanted;
    const offset = new Date(start * 1000).getTimezoneOffset() * 60;
    const first = Math.ceil((start - offset) / step) * step + offset;
    const times = Array.from({ length: Math.max(0, Math.floor((start + length - first) / step) + 1) }, (_, n) => first + n * step);
    const x = (time) => ((time - start) / length) * box.width;
    return times.filter((time) => time < start + length).map((time) => axisLabel(box, x(time), tick(time, step)));
  }

  pick(slot) {
    this.onPick(slot, this.seconds);
  }

  describe(slot) {
    const lines = this.parts.map(({ label, kind, of }) => ({ label, kind, value: count(of(slot)) }));
    const end = this.seconds >= DAY_SECONDS ? this.seconds - 1 : this.seconds;
    return { heading: span(slot.timestamp, end), lines: lines.toReversed(), hint: "Click for these messages" };
  }
}
