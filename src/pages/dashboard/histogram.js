// The distribution of a latency: a column for each bucket, and lines at its percentiles.

import { svg } from "./dom.js";
import { axisLabel, Chart, valueAxis } from "./chart.js";
import { compact, count, duration, percent } from "./format.js";

const LABEL_WIDTH = 58; // pixels
const MIN_BUCKETS = 8; // buckets that are drawn at least, where there are that many
const PERCENTILES = ["p50", "p95", "p99"];

export class Histogram extends Chart {
  /** Shows buckets and percentiles of a stats/enhanced answer. */
  show(buckets, spread) {
    const filled = buckets.map((bucket, n) => (bucket.requests > 0 ? n : -1)).filter((n) => n >= 0);
    this.all = buckets.reduce((sum, bucket) => sum + bucket.requests, 0);
    this.spread = spread;
    const bounded = buckets.map((bucket, n) => ({ ...bucket, from: n ? buckets[n - 1].up_to : 0 }));
    const first = Math.max(0, filled[0] - 1);
    this.buckets = filled.length ? bounded.slice(first, Math.max(filled.at(-1) + 2, first + MIN_BUCKETS)) : [];
    const known = PERCENTILES.filter((name) => Number.isFinite(spread[name])).map((name) => `${name} ${duration(spread[name])}`);
    this.host.setAttribute("aria-label", `How latencies are spread: ${known.join(", ")}. The arrow keys go through the columns.`);
    this.redraw();
  }

  columns() {
    return this.buckets;
  }

  draw(box) {
    const { lines, scale } = valueAxis(box, Math.max(...this.buckets.map((bucket) => bucket.requests)), compact);
    const step = this.step();
    const bars = this.buckets.map(({ requests }, n) => {
      const height = requests && Math.max(requests * scale, 1);
      return svg("rect", { class: "spread", x: n * step + 1, y: box.height - height, width: Math.max(step - 2, 1), height, rx: 2 });
    });
    const every = Math.ceil(LABEL_WIDTH / step);
    const marks = this.buckets.slice(0, -1).map(({ up_to }, n) => n % every === 0 && axisLabel(box, (n + 1) * step, duration(up_to)));
    const percentiles = PERCENTILES.map((name, n) => this.percentile(box, name, n)).filter(Boolean);
    return [...lines, ...bars, ...marks.filter(Boolean), ...percentiles.map(({ line }) => line), ...percentiles.map(({ label }) => label)];
  }

  nothing() {
    return "No successful request in this time";
  }

  /** Draws a line at a percentile with its name; each name is lower than the one before, so that they do not overlap. */
  percentile(box, name, n) {
    const x = this.xOf(this.spread[name]);
    if (x === null) return null;
    const right = x > box.width - 60;
    const at = { x: right ? x - 4 : x + 4, y: 8 + n * 13, "text-anchor": right ? "end" : "start" };
    return {
      line: svg("line", { class: "percentile", x1: x, x2: x, y1: 0, y2: box.height }),
      label: svg("text", { class: "percentile", ...at }, `${name} ${duration(this.spread[name])}`),
    };
  }

  xOf(value) {
    const n = this.buckets.findIndex(({ up_to }) => Number.isFinite(value) && (up_to === null || value <= up_to));
    if (n < 0) return null;
    const { from, up_to } = this.buckets[n];
    return (n + (up_to === null ? 0.5 : Math.max(0, value - from) / (up_to - from))) * this.step();
  }

  describe({ from, up_to, requests }) {
    const heading = up_to === null ? `above ${duration(from)}` : `${from ? duration(from) : "0"} – ${duration(up_to)}`;
    return {
      heading,
      lines: [
        { label: "Requests", value: count(requests), kind: "spread" },
        { label: "Share", value: percent(requests / this.all) },
      ],
    };
  }
}
