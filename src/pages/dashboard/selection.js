// Choosing columns of a chart: by a click, by dragging over several, and by a second tap, as the first one shows the values.

const DOUBLE_CLICK = 260; // milliseconds in which a second click makes a double one
const MIN_DRAG = 5; // pixels of movement that are more than a click

/** Lets pointers choose columns of `chart`, where it has `pick(first, last)`; a double click calls `reset()`. */
export function selects(chart) {
  const { host } = chart;
  let begun = null;
  /** Whether the pointer was dragged: the click in which that ends chooses nothing more. */
  let wasDragged = false;
  let timer = 0;
  host.addEventListener("pointerdown", (event) => {
    if (!chart.pick || event.button !== 0 || !chart.columns()?.length) return;
    if (event.pointerType === "touch") return;
    wasDragged = false;
    begun = { x: event.clientX, column: chart.columnAt(event.clientX) };
    host.setPointerCapture(event.pointerId);
  });
  host.addEventListener("pointermove", (event) => {
    if (!begun) return;
    wasDragged ||= Math.abs(event.clientX - begun.x) > MIN_DRAG;
    if (!wasDragged) return;
    chart.anchor = begun.column;
    chart.moveCursor();
  });
  host.addEventListener("pointercancel", () => (begun = null));
  host.addEventListener("pointerup", () => {
    if (begun && wasDragged) pickColumns(chart, ...chart.chosen().map((n) => chart.columns()[n]));
    begun = null;
  });
  touches(chart);
  host.addEventListener("click", (event) => {
    if (event.pointerType === "touch" || !chart.pick || wasDragged || !chart.columns()?.length) return;
    clearTimeout(timer);
    if (event.detail > 1) return chart.reset?.();
    const column = chart.columns()[chart.columnAt(event.clientX)]; // until the time is over, others may be in its place
    timer = setTimeout(() => pickColumns(chart, column, column), DOUBLE_CLICK);
  });
}

/** The first tap on a column shows it; the second one chooses it. A tap elsewhere ends that. */
function touches(chart) {
  let shown = null;
  chart.host.addEventListener("click", (event) => {
    if (event.pointerType !== "touch" || !chart.columns()?.length) return;
    const column = chart.columnAt(event.clientX);
    if (chart.pick && shown === column) {
      shown = null;
      return pickColumns(chart, chart.columns()[column], chart.columns()[column]);
    }
    shown = column;
    chart.activate(column, event.clientX, event.clientY);
  });
  document.addEventListener("pointerdown", (event) => {
    if (chart.host.contains(event.target)) return;
    shown = null;
    if (event.pointerType === "touch") chart.hideCursor();
  });
}

function pickColumns(chart, first, last) {
  chart.hideCursor();
  if (first && last) chart.pick(first, last);
}
