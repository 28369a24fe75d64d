// The time that the page speaks of: a preset that ends now, a day of the reader's, or a span between two times.

const HOUR_SECONDS = 3600;
export const DAY_SECONDS = 24 * HOUR_SECONDS;
const MAX_GRAIN = 300; // seconds

/** The presets in their order: the value in the address, its name, and its length in seconds where it has one. */
export const PRESETS = {
  "15m": ["15 min", HOUR_SECONDS / 4],
  "1h": ["1 h", HOUR_SECONDS],
  today: ["Today", null],
  yesterday: ["Yesterday", null],
  "24h": ["24 h", DAY_SECONDS],
  "7d": ["7 d", 7 * DAY_SECONDS],
  "30d": ["30 d", 30 * DAY_SECONDS],
  all: ["All", null],
};

/** The zone of the reader, in whose hours and days the page counts. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Returns where the chosen time begins and ends (Unix seconds): `start` is null for the whole history, `end` for now. */
export function periodOf({ range, from, to }, now = Date.now() / 1000) {
  if (from || to) return between(seconds(from), seconds(to));
  const midnight = (days) => new Date(new Date(now * 1000).setHours(0, 0, 0, 0)).setDate(new Date(now * 1000).getDate() + days) / 1000;
  if (range === "today") return { start: midnight(0), end: null };
  if (range === "yesterday") return { start: midnight(-1), end: midnight(0) - 0.001 };
  const length = PRESETS[range][1];
  return { start: length && beginOf(now, length), end: null };
}

/** The begin of a time that ends now. It moves on in small steps, so that between them every question is the same as before. */
function beginOf(now, length) {
  const grain = Math.min(MAX_GRAIN, length / 60);
  return Math.floor((now - length) / grain) * grain;
}

/** Two times in the wrong order are read the other way round. */
function between(from, to) {
  return from !== null && to !== null && from > to ? { start: to, end: from } : { start: from, end: to };
}

export const isReversed = ({ from, to }) => seconds(from) !== null && seconds(to) !== null && seconds(from) > seconds(to);

/** What the numbers of a time are compared with: `day` and `week` are the same hours then, `span` is as much time before. */
export function comparisonOf({ range, from, to }) {
  if (from || to) return "span";
  return { today: "day", yesterday: "day", "7d": "week" }[range] ?? "span";
}

/** Says what they are compared with, in words that follow a change. */
export function comparisonName(fields) {
  if (fields.from || fields.to) return "vs before";
  const name = { today: "vs yesterday", yesterday: "vs day before", "7d": "vs week before", "24h": "vs day before" }[fields.range];
  return name ?? `vs ${PRESETS[fields.range][0]} before`;
}

/** Formats Unix seconds as a `datetime-local` input does. */
export function localTime(unix) {
  const date = new Date(unix * 1000);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

function seconds(local) {
  const time = new Date(local).getTime();
  return Number.isNaN(time) ? null : time / 1000;
}
