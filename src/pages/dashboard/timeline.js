// Charts over time: what they share, the axis of time and zooming, and one whose columns are stacks of parts.

import { svg } from "./dom.js";
import { axisLabel, Chart, logAxis, valueAxis } from "./chart.js";
import { compact, count, dayName, moments, tick } from "./format.js";
import { change } from "./state.js";
import { DAY_SECONDS, localTime } from "./period.js";

const MARK_LETTER = 6.5; // pixels of a letter of a mark's text, at most on average
const LABEL_SPACING = 84; // pixels for a label of the axis and the space beside it
const LABEL_STEPS = [
  1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000, 31_536_000,
];

/** All of them: what is pointed at in one is marked in the others. */
const timeCharts = [];
/** The slot that is pointed at, by its time. */
let pointedAt = null;
let patterns = 0;

/** A chart of the slots of a stats/enhanced answer. Choosing some shows that time on the whole page. */
export class TimeChart extends Chart {
  constructor(host, label, of) {
    super(host, label, of);
    timeCharts.push(this);
  }

  columns() {
    return this.slots;
  }

  activate(column, x, y) {
    super.activate(column, x, y);
    pointedAt = this.slots?.[column]?.timestamp ?? null;
    for (const other of timeCharts) other.follow();
  }

  hideCursor() {
    super.hideCursor();
    pointedAt = null;
    for (const other of timeCharts) other.follow();
  }

  redraw() {
    super.redraw();
    this.follow();
  }

  /** Marks the slot that another chart points at. */
  follow() {
    if (this.active !== null) return;
    const column = this.slots?.findIndex(({ timestamp }) => timestamp === pointedAt) ?? -1;
    if (column >= 0) this.cover(column, column);
    else this.uncover();
  }

  /** Takes the slots, each `seconds` long, and marks of {timestamp, text} on them. */
  setSlots(slots, seconds, marks = []) {
    this.seconds = seconds;
    this.marks = marks;
    this.slots = slots;
    this.redraw();
  }

  endOf(slot) {
    return slot.end ?? slot.timestamp + this.seconds;
  }

  pick(first, last) {
    change({ from: localTime(first.timestamp), to: localTime(Math.ceil(this.endOf(last))) });
  }

  /** Goes back to the preset. */
  reset() {
    change({ from: "", to: "" });
  }

  heading(slot) {
    const time = this.seconds === DAY_SECONDS ? dayName(slot.timestamp) : moments(slot.timestamp, this.endOf(slot));
    const began = this.marks.filter(({ timestamp }) => timestamp >= slot.timestamp && timestamp < this.endOf(slot)).map(({ text }) => text);
    return [time + (slot.partial ? " (a part of it)" : ""), ...began].join(" · ");
  }

  hint() {
    return matchMedia("(hover: none)").matches ? "Tap again to zoom in" : "Click or drag to zoom in, double click to go back";
  }

  /** Draws a thin line where something began, with its text where that lies over none of a later one. */
  markLines(box) {
    const [start, end] = [this.slots[0].timestamp, this.endOf(this.slots.at(-1))];
    const taken = [];
    return this.marks.toReversed().flatMap(({ timestamp, text }) => {
      const x = ((timestamp - start) / (end - start)) * box.width;
      const isRight = x > box.width / 2;
      const width = text.length * MARK_LETTER;
      const from = isRight ? x - 4 - width : x + 4;
      const line = svg("line", { class: "mark", x1: x, x2: x, y1: -6, y2: box.height });
      if (taken.some((other) => from < other.to && other.from < from + width)) return [line];
      taken.push({ from, to: from + width });
      const place = { x: x + (isRight ? -4 : 4), y: 2, "text-anchor": isRight ? "end" : "start" };
      return [line, svg("text", { class: "axis mark", ...place }, text)];
    });
  }

  /** Draws labels at round times of the reader's clock. */
  axisLabels(box) {
    const start = this.slots[0].timestamp;
    const length = this.endOf(this.slots.at(-1)) - start;
    const wanted = (length * LABEL_SPACING) / box.width;
    const step = LABEL_STEPS.find((step) => step >= wanted && step >= Math.min(this.seconds, wanted * 4)) ?? wanted;
    const offset = new Date(start * 1000).getTimezoneOffset() * 60;
    const first = Math.ceil((start - offset) / step) * step + offset;
    const times = Array.from({ length: Math.max(0, Math.floor((start + length - first) / step) + 1) }, (_, n) => first + n * step);
    const x = (time) => ((time - start) / length) * box.width;
    return times.filter((time) => time < start + length).map((time) => axisLabel(box, x(time), tick(time, step)));
  }

  /** Hatches the slots of which only a part lies in the chosen time. */
  hatches(box) {
    const id = `hatch-${(patterns += 1)}`;
    const pattern = svg(
      "pattern",
      { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("rect", { class: "hatch", width: 2.5, height: 6 }),
    );
    const covers = this.slots.map(
      (slot, n) => slot.partial && svg("rect", { class: "partial", x: n * this.step(), y: 0, width: this.step(), height: box.height, fill: `url(#${id})` }),
    );
    return [pattern, ...covers.filter(Boolean)];
  }
}

/** Columns whose parts are stacked. */
export class Timeline extends TimeChart {
  /** `parts`, from the bottom up, are {label, kind, of: (slot) => number}; `least` is the smallest step of the axis, below 1 where it is one of time. */
  constructor(host, label, parts, { of, format = count, axisFormat = compact, least = 1 } = {}) {
    super(host, label, of);
    this.parts = parts;
    this.format = format;
    this.axisFormat = axisFormat;
    this.least = least;
    this.isShare = false;
    this.isLog = false;
  }

  /** Shows the slots; `isShare` makes every column a whole of 1, and its parts their shares of it. */
  show(slots, seconds, marks, isShare = false) {
    this.isShare = isShare;
    this.setSlots(slots.some((slot) => this.sum(slot) > 0) ? slots : [], seconds, marks);
  }

  sum(slot) {
    return this.parts.reduce((sum, part) => sum + part.of(slot), 0);
  }

  /** Chooses whether the height of a column is the logarithm of its sum: its parts keep their shares of it. */
  setLog(isLog) {
    this.isLog = isLog;
    this.redraw();
  }

  /** Returns the lines of the vertical axis, and the height of one unit in a column of this sum. */
  axis(box) {
    const most = Math.max(...this.slots.map((slot) => this.sum(slot)));
    if (this.isLog) return logAxis(box, most, this.axisFormat);
    if (!this.isShare) {
      const { lines, scale } = valueAxis(box, most, this.axisFormat, this.least, this.least < 1);
      return { lines, scaleOf: () => scale };
    }
    const { lines, scale } = valueAxis(box, 1, (n) => `${Math.round(n * 100)}%`, 0.1);
    return { lines, scaleOf: (sum) => scale / (sum || 1) };
  }

  draw(box) {
    const { lines, scaleOf } = this.axis(box);
    const gap = this.step() > 5 ? Math.min(this.step() * 0.22, 4) : this.step() > 2 ? 0.5 : 0;
    const bars = this.slots.map((slot, n) => {
      return this.column(slot, n * this.step() + gap / 2, this.step() - gap, box.height, scaleOf(this.sum(slot)));
    });
    return [...lines, ...bars.flat(), ...this.hatches(box), ...this.markLines(box), ...this.axisLabels(box)];
  }

  column(slot, x, width, bottom, scale) {
    let y = bottom;
    return this.parts
      .filter((part) => part.of(slot) > 0)
      .map((part) => {
        const height = Math.max(part.of(slot) * scale, this.isShare ? 0 : 1);
        y -= height;
        return svg("rect", { class: part.kind, x, y, width, height, rx: Math.min(1.5, width / 3) });
      });
  }

  describe(slot) {
    const sum = this.sum(slot);
    const value = (n) => this.format(n) + (this.isShare && sum > 0 ? ` · ${Math.round((n / sum) * 100)}%` : "");
    const lines = this.parts.map(({ label, kind, of }) => ({ label, kind, value: value(of(slot)) }));
    return { heading: this.heading(slot), lines: [...lines.toReversed(), { label: "Total", value: this.format(sum) }], hint: this.hint() };
  }
}
