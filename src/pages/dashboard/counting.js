// The statistics of the chosen time and filters: when they are asked for, and what is asked.

import { byId } from "./dom.js";
import { fetchJson, historyState } from "./api.js";
import { FILTERS, filterQuery, state } from "./state.js";
import { comparisonName, comparisonOf, DAY_SECONDS, periodOf, zone } from "./period.js";
import { shortTime } from "./format.js";
import { fetchComparison } from "./compare.js";
import { noteCounted } from "./matches.js";
import { drawCount } from "./messages.js";
import { showNumbers } from "./numbers.js";

const REST_FACTOR = 5; // times the duration of a fetch that pass before the next one
const MIN_TIMELINE_SECONDS = 300; // seconds that a timeline shows at least
const MIN_STALE = 60; // seconds after which they are fetched although no request came, at least
const SLOW_AFTER = 4000; // milliseconds after which the page says that they take longer
const DAYS_FROM = 10 * DAY_SECONDS; // seconds of a time whose slots are days
const DAYS_UNTIL = 400 * DAY_SECONDS;
const YOUNG_SHARE = 0.05; // of the chosen time that may be empty before the history begins

/** The last fetch: what was asked, the state of the history, the seconds of a slot, when it ended, and how long it took (milliseconds). */
let last = { question: "", history: "", step: 0, at: 0, elapsed: 0 };
/** The fetch that is under way: what is asked, and how to end it. */
let counting = null;
/** When the history began (Unix seconds), as /analytics/stats told last: null where it is empty, undefined before. */
let oldest;

/**
 * Fetches the numbers if they can differ from those shown, at once where the question is a new one. `stats` is the promise of an
 * answer of /analytics/stats. Numbers that take long are waited for without holding up the rest of the page, and the same question
 * is never put twice at once.
 */
export async function refreshNumbers(stats, onLateError) {
  const today = new Date().toDateString(); // at midnight "today" is another time
  const question = [...[...FILTERS, "range", "compare"].map((name) => state[name]), today].join("\n");
  const isNew = question !== last.question;
  if (counting && counting.question !== question) endCounting(); // its answer would be drawn under another choice
  if (isNew) noteCounted(null);
  if (isNew && last.question) setBusy(true);
  try {
    if (!isNew || counting) {
      const known = await stats;
      if (counting?.question === question) return;
      if (!isNew && isFresh(known)) return setBusy(false);
    }
    await untilSlow(countNumbers(question, stats), onLateError);
  } catch (cause) {
    setBusy(false);
    throw cause;
  }
}

/** Whether the numbers shown are still those of the history, or took too long to be asked for again already. */
function isFresh(known) {
  const age = performance.now() - last.at;
  return age < last.elapsed * REST_FACTOR || (historyState(known) === last.history && age < staleAfter());
}

/** Milliseconds after which numbers are old without any request: their time has moved on by a slot. */
const staleAfter = () => Math.max(MIN_STALE, last.step) * 1000;

/** Waits for a fetch, but no longer than until it is slow; what goes wrong later is told to `onLateError`. */
async function untilSlow(fetch, onLateError) {
  let isLate = false;
  const slow = new Promise((resolve) => {
    setTimeout(() => resolve((isLate = true)), SLOW_AFTER);
  });
  fetch.catch((cause) => isLate && onLateError(cause));
  await Promise.race([fetch, slow]);
}

function endCounting() {
  counting.controller.abort();
  counting = null;
}

async function countNumbers(question, stats) {
  const own = { question, controller: new AbortController() };
  const name = comparisonName(state);
  counting = own;
  const since = performance.now();
  const timer = setInterval(() => sayTime((performance.now() - since) / 1000), 1000);
  try {
    const answers = await askAtOnce(stats, own.controller.signal);
    if (counting !== own) return;
    const { timeline_step_seconds: step, totals } = answers.numbers;
    last = { question, history: historyState(await stats), step, at: performance.now(), elapsed: performance.now() - since };
    setBusy(false);
    noteCounted(totals.requests);
    drawCount();
    showNumbers({ ...answers, comparedWith: name });
  } catch (cause) {
    own.controller.abort();
    if (counting === own) throw cause;
  } finally {
    clearInterval(timer);
    if (counting === own) counting = null;
    if (!counting) sayTime(0);
  }
}

/** Says that the numbers take longer, once they do. */
function sayTime(seconds) {
  const isSlow = seconds * 1000 >= SLOW_AFTER;
  byId("slow").textContent = isSlow ? `The numbers take longer: ${Math.round(seconds)} s so far` : "";
}

/** Asks without waiting for where the history begins, as that is known from before; where that is not so, it is asked again. */
async function askAtOnce(stats, signal) {
  const now = Date.now() / 1000;
  if (oldest === undefined && periodOf(state, now).start === null) ({ oldest } = await stats);
  const early = new AbortController();
  const asked = parameters(now);
  const answers = askFor(asked, AbortSignal.any([signal, early.signal]));
  answers.catch(() => {}); // `stats` fails for the same reason, or it is asked again
  ({ oldest } = await stats);
  const wanted = parameters(now);
  if (JSON.stringify(wanted) === JSON.stringify(asked)) return answers;
  early.abort();
  return askFor(wanted, signal);
}

/** Asks for the numbers, for those of two models that are compared, and for all causes of errors where the text chooses one. */
async function askFor({ q: text, ...others }, signal) {
  const askWithout = (fields) => fetchJson("stats/enhanced", { ...others, ...fields }, signal, Infinity);
  const ask = (fields) => askWithout({ ...(text && { q: text }), ...fields });
  const isCause = text && state.status === "error";
  const [numbers, comparison, causes] = await Promise.all([ask({ facets: true }), fetchComparison(ask, signal), isCause && askWithout({})]);
  return { numbers, comparison, failures: causes || numbers };
}

/** Returns what is asked for, except a long past before the history begins. */
function parameters(now) {
  const { start: chosen, end } = periodOf(state, now);
  const begin = oldest === undefined ? chosen : Math.min(oldest ?? now, now - MIN_TIMELINE_SECONDS);
  const isYoung = chosen === null || begin - chosen > ((end ?? now) - chosen) * YOUNG_SHARE;
  const start = isYoung && begin < (end ?? now) ? begin : (chosen ?? begin);
  byId("young").textContent = isYoung && chosen !== null && oldest ? `The history begins at ${shortTime(oldest)}` : "";
  const times = { start_time: Math.floor(start * 1000) / 1000, ...(end !== null && { end_time: end }) }; // rounded up, it would leave out the oldest message
  return { ...filterQuery(), ...times, tz: zone, step: stepOf((end ?? now) - start), compare: comparisonOf(state) };
}

/** Longer times are counted by days, as people do, unless there are too many to be told apart. */
const stepOf = (seconds) => (seconds >= DAYS_FROM && seconds <= DAYS_UNTIL ? DAY_SECONDS : "auto");

function setBusy(isBusy) {
  for (const id of ["kpis", "numbers"]) byId(id).setAttribute("aria-busy", String(isBusy));
}
