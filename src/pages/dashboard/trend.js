// Latency over time: p50, p95 and p99 of one measure, or two models' p50 and p95 in one chart.

import { byId, el, fill } from "./dom.js";
import { axisDuration, duration, speed } from "./format.js";
import { Lines } from "./lines.js";
import { visible } from "./visible.js";

const MEASURES = {
  duration: ["duration", duration, axisDuration],
  first: ["time_to_first_token", duration, axisDuration],
  speed: ["tokens_per_second", speed, speed],
};
const TREND_PERCENTILES = ["p50", "p95", "p99"];

let trendChart = null;
let trendDrawn = [];

export function prepareTrend() {
  trendChart = new Lines(byId("trend-chart"), "Latency over time");
  byId("trend").addEventListener("change", () => trendDrawn.length && showTrend(...trendDrawn));
}

/** Draws from an answer of stats/enhanced, or from those of the two models that are compared. */
export function showTrend(numbers, sides) {
  trendDrawn = [numbers, sides];
  const [field, format, axisFormat] = MEASURES[byId("trend").querySelector(":checked").value];
  const isPair = sides.length === 2;
  const series = isPair ? modelLines(field, sides) : TREND_PERCENTILES.map((name) => ({ label: name, kind: `line ${name}`, of: (slot) => slot[`${field}_${name}`] }));
  trendChart.show(numbers.timeline, numbers.timeline_step_seconds, series, format, axisFormat);
  fill(
    byId("trend-legend"),
    series.map(({ label, kind }) => el("li", {}, el("i", { class: `swatch ${kind}` }), el("bdi", {}, visible(label)))),
  );
}

/** The lines of two models, as they were when the numbers were asked for. A slot of theirs is found by its time. */
function modelLines(field, sides) {
  return sides.flatMap(({ name, numbers }, n) => {
    const slots = new Map(numbers.timeline.map((slot) => [slot.timestamp, slot]));
    const of = (percentile) => (slot) => slots.get(slot.timestamp)?.[`${field}_${percentile}`] ?? null;
    return ["p50", "p95"].map((percentile) => ({ label: `${name} ${percentile}`, kind: `line model-${n} ${percentile}`, of: of(percentile) }));
  });
}
