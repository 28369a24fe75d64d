// When to ask: at once when something was chosen, then every few seconds, and never for a tab that nobody sees.

import { byId } from "./dom.js";
import { ask } from "./api.js";
import { offerCategories } from "./filters.js";
import { refreshMessages } from "./messages.js";
import { showBanner, showState } from "./notices.js";
import { refreshNow } from "./now.js";
import { refreshNumbers } from "./numbers.js";

const INTERVAL = "ollama-tap-interval"; // in localStorage
const USUAL = "5"; // seconds

let round = null;
let timer = 0;

/** Asks for everything now; a round that is still under way is given up. */
export async function refresh() {
  clearTimeout(timer);
  round?.abort();
  const own = new AbortController();
  round = own;
  byId("progress").classList.add("active");
  const answers = await askAll(own.signal);
  if (round !== own) return;
  byId("progress").classList.remove("active");
  judge(...answers);
  schedule();
}

/** Begins to refresh by itself, as often as was chosen here before. */
export function prepareRefresh() {
  const choice = byId("interval");
  choice.value = remembered();
  if (choice.selectedIndex < 0) choice.value = USUAL;
  choice.addEventListener("change", () => {
    remember(choice.value);
    schedule();
  });
  byId("refresh").addEventListener("click", refresh);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : Number(choice.value) && refresh()));
}

/** Asks for all that is shown, all at the same time; each is drawn as it comes. What became of each, that of /analytics/stats first. */
function askAll(signal) {
  const stats = ask("stats", {}, signal);
  stats.then(showKnown, () => {}); // `judge` says why it failed
  return Promise.allSettled([stats, refreshNumbers(stats, signal), refreshMessages(signal), refreshNow()]);
}

function judge(stats, ...others) {
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

function showKnown(stats) {
  offerCategories(stats.categories);
  showState(stats.records > 0 ? "ready" : "empty");
}

function schedule() {
  clearTimeout(timer);
  const seconds = Number(byId("interval").value);
  if (seconds > 0 && !document.hidden) timer = setTimeout(refresh, seconds * 1000);
}

function remembered() {
  try {
    return localStorage.getItem(INTERVAL) ?? USUAL;
  } catch {
    return USUAL; // storage may be forbidden
  }
}

function remember(seconds) {
  try {
    localStorage.setItem(INTERVAL, seconds);
  } catch {
    // it lasts as long as the page then
  }
}
