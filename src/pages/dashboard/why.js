// The findings: what made requests slow or their replies wrong, in a panel of its own, and badges.

import { announce, byId, el, fill, keepingFocus } from "./dom.js";
import { fetchJson, historyState, postJson } from "./api.js";
import { count, findingName, fullTime, plural, shortTime } from "./format.js";
import { addressLink } from "./links.js";
import { query, state } from "./state.js";
import { showTab } from "./tabs.js";

const INITIAL_FINDINGS = 3; // groups in the panel until it is expanded
const MAX_CLIENTS = 4; // clients of a group that are named
const HIDDEN_DAYS = 30;
const MIN_PAUSE = 30_000; // milliseconds before the same question is put again
const IDLE_PAUSE = 600_000; // milliseconds before that, where nothing entered the history
const REST = 10; // times the duration of a fetch that pass before the next one: it reads every message

/** The last fetch: what was asked, the state of the history, when it ended, and how long it took (milliseconds). */
let lastWhy = { question: "", history: "", at: 0, elapsed: 0 };
let found = [];
/** What the panel shows, as text: what is the same is not drawn again, so that focus and selection stay. */
let drawn = "";
let showsAll = false;
let showsHidden = false;
/** Keys of the groups that were hidden here: they stay, and can be shown again at once. */
const hiddenHere = new Set();

/** Fetches the findings of the range and the filters; the panel is there only where there are some. `stats` is an answer of /analytics/stats. */
export async function refreshWhy(signal, stats) {
  const parameters = query();
  const question = JSON.stringify({ ...parameters, start_time: state.from || state.range });
  const history = historyState(stats);
  const pause = Math.max(history === lastWhy.history ? IDLE_PAUSE : MIN_PAUSE, lastWhy.elapsed * REST);
  if (question === lastWhy.question && Date.now() - lastWhy.at < pause) return;
  const begun = Date.now();
  const { findings } = await fetchJson("why", { start_time: 0, ...parameters, all: true }, signal);
  if (question !== lastWhy.question) {
    [showsAll, showsHidden] = [false, false];
    hiddenHere.clear();
  }
  lastWhy = { question, history, at: Date.now(), elapsed: Date.now() - begun };
  found = findings;
  drawFindings();
}

function drawFindings() {
  const text = JSON.stringify([found, showsAll, showsHidden, [...hiddenHere]]);
  if (text === drawn) return;
  drawn = text;
  const isAway = ({ key, hidden_until: until }) => until !== null && !hiddenHere.has(key);
  const told = found.filter((group) => showsHidden || !isAway(group));
  const shown = showsAll ? told : told.slice(0, INITIAL_FINDINGS);
  const away = found.filter(isAway).length;
  const panel = byId("why");
  const wasThere = !panel.hidden && !panel.classList.contains("quiet");
  panel.hidden = found.length === 0;
  panel.classList.toggle("quiet", told.length === 0);
  keepingFocus(panel, () => {
    fill(byId("why-list"), shown.map(finding));
    fill(byId("why-more"), told.length > shown.length && moreButton(told.length), away > 0 && awayButton(away));
  });
  if (!wasThere && told.length > 0) announce(`${plural(told.length, "finding")}: why it was slow or wrong`);
}

function moreButton(all) {
  const more = () => {
    showsAll = true;
    drawFindings();
  };
  return el("button", { type: "button", class: "plain", "data-control": "more", click: more }, `Show all ${plural(all, "finding")}`);
}

function awayButton(away) {
  const toggle = () => {
    showsHidden = !showsHidden;
    drawFindings();
  };
  const attributes = { type: "button", class: "plain", "aria-expanded": String(showsHidden), "data-control": "hidden", click: toggle };
  return el("button", attributes, `${count(away)} hidden, ${showsHidden ? "leave out" : "show"}`);
}

function finding(group) {
  const { kind, sentence, way_out: wayOut, hidden_until: until } = group;
  if (until !== null && hiddenHere.has(group.key)) {
    return el("li", { class: "away" }, el("p", { class: "muted" }, `Hidden until ${fullTime(until)}: ${nameOf(group)}`), hideButton(group, "Undo", 0));
  }
  return el(
    "li",
    { class: until === null ? null : "away" },
    el("p", { class: "what" }, findingBadge(group), el("bdi", {}, sentence)),
    wayOut && el("p", { class: "way-out" }, el("bdi", {}, wayOut)),
    el("p", { class: "muted" }, hits(group)),
    el(
      "p",
      { class: "actions" },
      exampleLink(group),
      kind !== "slower" && listLink(group),
      until === null ? hideButton(group, "Hide", HIDDEN_DAYS) : hideButton(group, "Show again", 0),
    ),
  );
}

const nameOf = ({ kind, model }) => `${findingName(kind)} of ${model}`;

function hits({ requests, clients, last, hidden_until: until }) {
  const named = clients.slice(0, MAX_CLIENTS).join(", ") + (clients.length > MAX_CLIENTS ? ` and ${clients.length - MAX_CLIENTS} more` : "");
  const of = named && [" of ", el("bdi", {}, named)];
  const rest = until === null ? "" : ` · hidden until ${fullTime(until)}`;
  return [plural(requests, "request"), of, `, the last at ${shortTime(last)}${rest}`].flat().filter(Boolean);
}

function findingLink(group, label, fields, then) {
  const attributes = { "aria-label": `${label}: ${nameOf(group)}`, "data-control": `${label} ${group.key}` };
  return addressLink(fields, attributes, label, then);
}

function exampleLink(group) {
  const [id] = group.examples;
  return id && findingLink(group, "Look at one", { id });
}

function listLink(group) {
  const { kind, certainty, model } = group;
  const show = () => {
    showTab("messages");
    byId("messages").scrollIntoView({ block: "start" });
  };
  return findingLink(group, "List them", { finding: certainty === "sure" ? `${kind}:sure` : kind, model }, show);
}

/** Hides a group for so many days, or shows it again: with 0. */
function hideButton(group, label, days) {
  const hide = async (event) => {
    const button = event.currentTarget;
    button.parentNode.querySelector(".fault")?.remove();
    try {
      const { hidden_until: until } = await postJson("why/hide", { key: group.key, days });
      if (days > 0) hiddenHere.add(group.key);
      else hiddenHere.delete(group.key);
      found = found.map((other) => (other.key === group.key ? { ...other, hidden_until: until } : other));
      drawFindings();
      announce(days > 0 ? `Hidden for ${days} days` : "Shown again");
    } catch (cause) {
      button.after(el("span", { class: "fault", role: "alert" }, cause.message));
    }
  };
  const attributes = { type: "button", class: "small", "aria-label": `${label}: ${nameOf(group)}`, "data-control": `hide ${group.key}` };
  return el("button", { ...attributes, title: days > 0 ? `Not told for ${days} days` : null, click: hide }, label);
}

/** A badge for one finding; an estimate has a dashed line, and says so. */
function findingBadge({ kind, certainty }) {
  const isLikely = certainty !== "sure";
  return el(
    "span",
    { class: `badge finding ${certainty}`, title: isLikely ? "Likely: an estimate" : "Sure" },
    findingName(kind),
    isLikely && el("span", { class: "hidden" }, " (likely)"),
  );
}

/** The badge of a message's first finding, and how many more it has. */
export function findingBadges({ findings }) {
  if (!findings?.length) return null;
  const more = findings.length - 1;
  return [findingBadge(findings[0]), more > 0 && el("span", { class: "badge", title: plural(more, "more finding") }, `+${count(more)}`)];
}

/** The findings of one message, each with its way out. */
export function findingsOf(record) {
  if (!record.findings?.length) return null;
  const told = record.findings.map((one) =>
    el(
      "li",
      {},
      el("p", { class: "what" }, findingBadge(one), el("bdi", {}, one.sentence)),
      one.way_out && el("p", { class: "way-out" }, el("bdi", {}, one.way_out)),
    ),
  );
  return el("section", {}, el("h3", {}, "Findings"), el("ul", { class: "findings" }, told));
}
