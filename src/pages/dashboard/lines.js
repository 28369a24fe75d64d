// Lines over time: percentiles with an axis of their own.

import { svg } from "./dom.js";
import { valueAxis } from "./chart.js";
import { TimeChart } from "./timeline.js";

export class Lines extends TimeChart {
  /** Shows `series` of {label, kind, of: (slot) => number or null} over the slots; `format` says their values, `axisFormat` those of the axis. */
  show(slots, seconds, series, format, axisFormat) {
    this.series = series;
    this.format = format;
    this.axisFormat = axisFormat;
    const isKnown = slots.some((slot) => series.some(({ of }) => Number.isFinite(of(slot))));
    this.setSlots(isKnown ? slots : [], seconds);
  }

  nothing() {
    return "Nothing was measured in this time";
  }

  draw(box) {
    const values = this.slots.flatMap((slot) => this.series.map(({ of }) => of(slot))).filter(Number.isFinite);
    const { lines, scale } = valueAxis(box, Math.max(...values), this.axisFormat, 0.001, this.format !== this.axisFormat);
    const drawn = this.series.flatMap((one) => this.line(one, box, scale));
    return [...lines, ...this.hatches(box), ...drawn, ...this.axisLabels(box)];
  }

  /** Draws one series; where a value is missing the line is broken, and a value that stands alone is a dot. */
  line({ kind, of }, box, scale) {
    const points = this.slots.map((slot, n) => Number.isFinite(of(slot)) && [(n + 0.5) * this.step(), box.height - of(slot) * scale]);
    return runsOf(points).map((run) =>
      run.length === 1 ? svg("circle", { class: kind, cx: run[0][0], cy: run[0][1], r: 2 }) : svg("polyline", { class: kind, points: pointsText(run) }),
    );
  }

  describe(slot) {
    const lines = this.series.map(({ label, kind, of }) => ({ label, kind, value: this.format(of(slot)) }));
    return { heading: this.heading(slot), lines, hint: this.hint() };
  }
}

/** Cuts points where one is missing. */
export function runsOf(points) {
  const runs = [[]];
  for (const point of points) {
    if (point) runs.at(-1).push(point);
    else if (runs.at(-1).length) runs.push([]);
  }
  return runs.filter((run) => run.length);
}

export const pointsText = (points) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
