// How many messages match in all, beside how many of them are in the list.

import { byId } from "./dom.js";
import { count } from "./format.js";
import { state } from "./state.js";

/** `count`, and `isAtLeast` where it was not counted to the end; null where nobody told. */
let matches = null;
/** How many the numbers are of, which are counted to the end; null while these are of another choice. */
let countedByNumbers = null;

export function noteMatches(told) {
  matches = told;
}

export function noteCounted(number) {
  countedByNumbers = number;
}

/** Counts messages that came, or that were deleted. */
export function addMatches(number) {
  if (matches) matches = { ...matches, count: matches.count + number };
}

/** What is known best of how many match. */
function bestKnown() {
  if (!matches?.isAtLeast || countedByNumbers === null) return matches;
  return { count: Math.max(countedByNumbers, matches.count), isAtLeast: false };
}

/** Says how many of how many are in the list, and how many an export has. `isWhole` is a list to which nothing can be added. */
export function showMatches(listed, isWhole) {
  const known = bestKnown();
  byId("messages-aside").textContent = listed > 0 ? asideText(listed, isWhole) : "";
  byId("export-label").textContent = known && !known.isAtLeast ? `Export ${count(known.count)}` : "Export";
}

function asideText(listed, isWhole) {
  if (isWhole) return listed === 1 ? "1" : `all ${count(listed)}`;
  return matches ? `1–${count(listed)} of ${allText(listed, isWhole)}` : `the ${state.sort ? "first" : "newest"} ${count(listed)}`;
}

/** How many there are in all, in words. */
export function allText(listed, isWhole) {
  if (isWhole) return count(listed);
  const known = bestKnown();
  return known ? count(known.count) + (known.isAtLeast ? "+" : "") : `${count(listed)} and more`;
}
