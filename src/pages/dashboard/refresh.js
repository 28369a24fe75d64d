// Refreshes the page: at once after a change, then every few seconds, and never while the tab is hidden.

import { byId } from "./dom.js";
import { fetchJson } from "./api.js";
import { addCategoryOptions, prepareSearch } from "./filters.js";
import { noteAnswer } from "./freshness.js";
import { refreshLiving } from "./living.js";
import { countMessages, noteBackend, refreshMessages } from "./messages.js";
import { showBanner, showState } from "./notices.js";
import { allowOrders } from "./order.js";
import { refreshNumbers } from "./counting.js";
import { remember, remembered } from "./preferences.js";
import { refreshWhy } from "./why.js";

const INTERVAL_KEY = "ollama-tap-interval"; // in localStorage
const DEFAULT_INTERVAL = "5"; // seconds

let current = null;
let timer = 0;

/** Fetches everything now, and aborts a round that is still running. */
export async function refresh() {
  clearTimeout(timer);
  current?.abort();
  const controller = new AbortController();
  current = controller;
  byId("progress").classList.add("active");
  const answers = await fetchAll(controller.signal);
  if (current !== controller) return;
  byId("progress").classList.remove("active");
  showOutcome(...answers);
  schedule();
}

/** Starts to refresh automatically, at the interval that was chosen in this browser before. */
export function prepareRefresh() {
  const choice = byId("interval");
  choice.value = remembered(INTERVAL_KEY, DEFAULT_INTERVAL);
  if (choice.selectedIndex < 0) choice.value = DEFAULT_INTERVAL;
  choice.addEventListener("change", () => {
    remember(INTERVAL_KEY, choice.value);
    schedule();
  });
  byId("refresh").addEventListener("click", refresh);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : Number(choice.value) && refresh()));
}

/**
 * Fetches everything and draws each answer as it arrives. What takes the history long is asked for one after the other once the rest
 * is there: the history answers two questions at a time, and the newest one first. Returns the outcomes, those of /analytics/stats and
 * /analytics/active first.
 */
async function fetchAll(signal) {
  const stats = fetchJson("stats", {}, signal);
  stats.then(showStats, () => {}); // `showOutcome` reports why it failed
  const fail = (cause) => showBanner(cause.message, refresh);
  const outcomes = await Promise.allSettled([stats, refreshLiving(signal), refreshMessages(signal), refreshNumbers(stats, fail)]);
  if (signal.aborted) return outcomes;
  noteAnswer(outcomes.slice(0, 2).some((answer) => !answer.reason || answer.reason.status > 0)); // these two always ask
  if (outcomes[0].reason) return outcomes;
  for (const ask of [countMessages, refreshWhy]) outcomes.push(...(await Promise.allSettled([ask(signal, outcomes[0].value)])));
  return outcomes;
}

function showOutcome(stats, living, ...others) {
  if (stats.reason?.status === 403) return showPrivate();
  const isOff = stats.reason?.status === 404;
  if (isOff) showState("off");
  const failed = (isOff ? [living] : [stats, living, ...others]).find((answer) => answer.reason);
  showBanner(failed?.reason.message ?? "", refresh);
}

function showPrivate() {
  showState("token", refresh);
  showBanner("");
}

function showStats(stats) {
  addCategoryOptions(stats.categories);
  prepareSearch(stats.backend);
  noteBackend(stats.backend);
  allowOrders(stats.backend);
  showState(stats.records > 0 ? "ready" : "empty");
}

function schedule() {
  clearTimeout(timer);
  const seconds = Number(byId("interval").value);
  if (seconds > 0 && !document.hidden) timer = setTimeout(refresh, seconds * 1000);
}
