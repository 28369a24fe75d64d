// Refreshes the page: at once after a change, then every few seconds, and never while the tab is hidden.

import { byId } from "./dom.js";
import { fetchJson } from "./api.js";
import { addCategoryOptions, prepareSearch } from "./filters.js";
import { noteAnswer } from "./freshness.js";
import { refreshLiving } from "./living.js";
import { noteBackend, refreshMessages } from "./messages.js";
import { showBanner, showState } from "./notices.js";
import { allowOrders } from "./order.js";
import { refreshNumbers } from "./numbers.js";
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
  choice.value = savedInterval();
  if (choice.selectedIndex < 0) choice.value = DEFAULT_INTERVAL;
  choice.addEventListener("change", () => {
    saveInterval(choice.value);
    schedule();
  });
  byId("refresh").addEventListener("click", refresh);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : Number(choice.value) && refresh()));
}

/** Fetches everything at the same time and draws each answer as it arrives. Returns the outcomes, that of /analytics/stats first. */
function fetchAll(signal) {
  const stats = fetchJson("stats", {}, signal);
  stats.then(showStats, () => {}); // `showOutcome` reports why it failed
  const numbers = refreshNumbers(stats, (cause) => showBanner(cause.message, refresh));
  return Promise.allSettled([stats, numbers, refreshMessages(signal), refreshWhy(signal), refreshLiving(signal)]);
}

function showOutcome(stats, ...others) {
  noteAnswer([stats, others.at(-1)].some((answer) => !answer.reason || answer.reason.status > 0)); // these two always ask
  if (stats.reason?.status === 403) return showPrivate();
  const isOff = stats.reason?.status === 404;
  if (isOff) showState("off");
  const failed = (isOff ? others.slice(-1) : [stats, ...others]).find((answer) => answer.reason);
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

function savedInterval() {
  try {
    return localStorage.getItem(INTERVAL_KEY) ?? DEFAULT_INTERVAL;
  } catch {
    return DEFAULT_INTERVAL; // storage may be forbidden
  }
}

function saveInterval(seconds) {
  try {
    localStorage.setItem(INTERVAL_KEY, seconds);
  } catch {
    // the choice then lasts as long as the page
  }
}
