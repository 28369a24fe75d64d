// Formats numbers, times and texts in the reader's locale. Unknown values are a dash.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const ratio = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayOnly = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const dayAndClock = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const monthOnly = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" });
const everything = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const NONE = "–";
const DAY = 86_400;
const UNITS = {
  millisecond: "ms",
  second: "s",
  minute: "min",
  hour: "h",
  day: "d",
  kilobyte: "kB",
  megabyte: "MB",
  gigabyte: "GB",
  terabyte: "TB",
};

const isKnown = (value) => value !== null && value !== undefined && Number.isFinite(value);

export const count = (value) => (isKnown(value) ? whole.format(value) : NONE);
export const compact = (value) => (!isKnown(value) ? NONE : Math.abs(value) < 10_000 ? whole.format(value) : shorten(value));
export const clockTime = (seconds) => clockWithSeconds.format(seconds * 1000);
export const percent = (value) => (isKnown(value) ? ratio.format(value) : NONE);
export const speed = (value) => (!isKnown(value) ? NONE : value < 100 ? oneDigit.format(value) : whole.format(value));

/** Shortens a large number by k, M, B and T, which no locale writes like a unit of time. */
function shorten(value) {
  const step = Math.min(Math.floor(Math.log10(Math.abs(value) * 1.000_05) / 3), 4);
  return oneDigit.format(value / 1000 ** step) + ["", "k", "M", "B", "T"][step];
}

/** Normalises the name of a model as the history does; Ollama accepts several spellings. */
export function modelName(spelling) {
  const name = spelling.trim().toLowerCase().replace(/^[a-z0-9+.-]+:\/\//, "").replace(/^registry\.ollama\.ai\//, "");
  return name.replace(/^library\/(?=[^/]+$)/, "").replace(/(?<=.):latest$/, "");
}

/** Formats seconds in the unit that suits them. */
export function duration(seconds) {
  if (!isKnown(seconds)) return NONE;
  if (seconds < 0.000_5) return unit(0, "millisecond", 0);
  if (seconds < 0.01) return unit(seconds * 1000, "millisecond", 1);
  if (seconds < 0.999_5) return unit(seconds * 1000, "millisecond", 0);
  if (seconds < 100) return unit(seconds, "second", seconds < 10 ? 2 : 1);
  return seconds < 3600 ? parts(seconds, 60, "minute", "second") : parts(seconds / 60, 60, "hour", "minute");
}

/** Formats a duration for an axis: in one unit. */
export function axisDuration(seconds) {
  if (seconds < 60) return duration(seconds);
  return seconds < 3600 ? unit(seconds / 60, "minute", 1) : unit(seconds / 3600, "hour", 1);
}

/** Formats a round duration in its largest whole unit. */
export function roundDuration(seconds) {
  const units = [
    ["day", DAY],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ];
  const [name, size] = units.find(([, size]) => seconds % size === 0) ?? ["second", 1];
  return unit(seconds / size, name, 0);
}

export function bytes(value) {
  if (!isKnown(value)) return NONE;
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  return step === 0 ? `${whole.format(value)} B` : unit(value / 1000 ** step, units[step], step < 2 ? 0 : 1);
}

/** Formats Unix seconds: the time of day, with the date where that is not today. */
export function shortTime(seconds) {
  const date = new Date(seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  return (today ? clockWithSeconds : dayAndClock).format(date);
}

export const fullTime = (seconds) => everything.format(seconds * 1000);

/** Formats a label of an axis whose labels are `step` seconds apart. */
export function tick(seconds, step) {
  const isMidnight = new Date(seconds * 1000).getHours() + new Date(seconds * 1000).getMinutes() === 0;
  const format = step >= 20 * DAY ? monthOnly : step >= DAY || (step >= 60 && isMidnight) ? dayOnly : step < 60 ? clockWithSeconds : clock;
  return format.format(seconds * 1000);
}

/** Formats a span of Unix seconds; null is the beginning of the history, and now. */
export function moments(start, end) {
  const [from, to] = [start, end].map((time) => time !== null && new Date(time * 1000));
  if (from && to) return dayAndClock.formatRange(from, to);
  if (!from && !to) return "all of it";
  return from ? `since ${dayAndClock.format(from)}` : `until ${dayAndClock.format(to)}`;
}

/** Formats the day that begins then. */
export const dayName = (seconds) => weekday.format(seconds * 1000);

/** Formats an identifier as a title: `code_write` is `Code write`. */
export function title(word) {
  const text = (word || "unknown").replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

/** A number of things; `word` is what one of them is called. */
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

/** Formats the kind of a finding, and a value of the filter for it. */
export const findingName = (kind) => title(kind.replace(/:sure$/, ", sure only")).replace(/^Cpu/, "CPU");

/** Formats a value in two units, without a zero of the smaller one. */
function parts(value, size, large, small) {
  const rest = Math.floor(value % size);
  return unit(Math.floor(value / size), large, 0) + (rest ? ` ${unit(rest, small, 0)}` : "");
}

/** A number and its unit, apart by a space that does not break. */
function unit(value, name, digits) {
  const format = digits === 0 ? whole : digits === 1 ? oneDigit : twoDigits;
  return `${format.format(value)}\u00a0${UNITS[name]}`;
}
