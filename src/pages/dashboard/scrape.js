// Parses /metrics: the Prometheus text format, as far as the page needs it.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED = { n: "\n", '"': '"', "\\": "\\" };

/** Returns the samples of these families: a list of {labels, value} by name. */
export function parseMetrics(text, names) {
  const found = Object.fromEntries(names.map((name) => [name, []]));
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (name in found) found[name].push({ labels: labelsOf(labels), value: Number(value) });
  }
  return found;
}

/** Returns the sum of a family's samples; null where there are none. */
export function total(samples) {
  return samples.length ? samples.reduce((sum, sample) => sum + sample.value, 0) : null;
}

function labelsOf(text) {
  const pairs = [...text.matchAll(LABEL)].map(([, name, value]) => [name, value.replace(/\\(.)/g, (all, sign) => ESCAPED[sign] ?? all)]);
  return Object.fromEntries(pairs);
}
