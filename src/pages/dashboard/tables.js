// Models and clients: a table of each, sorted by any column, with a click that filters the page.

import { arrange, byId, el, fill, keepingFocus } from "./dom.js";
import { compact, count, duration, NONE, percent, speed } from "./format.js";

const INITIAL_ROWS = 8; // rows that a table shows until it is expanded

const cachedShare = ({ prompt_cached_tokens: cached, prompt_tokens: all }) => (all > 0 && cached !== null ? (cached ?? null) && cached / all : null);
/** The share of the requests that failed, of those that a client waited for; null without any. */
export const failedShare = ({ error, success }) => (error + success > 0 ? error / (error + success) : null);

/** The columns: their name, what they sort by, and what they show. */
const COLUMNS = [
  { name: "Requests", of: (group) => group.requests, show: compact },
  { name: "Failed", of: failedShare, show: (share) => (share === 0 ? "0" : percent(share)), kind: (share) => share > 0 && "fault" },
  { name: "Tokens in", of: (group) => group.prompt_tokens, show: compact },
  { name: "Tokens out", of: (group) => group.generated_tokens, show: compact },
  { name: "Cached", of: cachedShare, show: percent, title: "The share of tokens in that Ollama had in its cache" },
  { name: "Tokens/s", of: (group) => group.tokens_per_second.p50, show: speed, title: "The median of its replies" },
  { name: "First token", of: (group) => group.time_to_first_token_seconds?.p50 ?? null, show: duration, title: "The median" },
  { name: "p50", of: (group) => group.duration_seconds.p50, show: duration, title: "Half of its requests took no longer" },
  { name: "p95", of: (group) => group.duration_seconds.p95, show: duration, title: "95 of 100 took no longer; told from 20 requests on" },
  { name: "Cold starts", of: (group) => group.cold_starts ?? null, show: count, title: "Requests that waited for the model to be loaded" },
];

/** By the id of a table: the name of the column that it is sorted by, whether upwards, and whether all rows are shown. */
const views = new Map();

/**
 * Draws `groups` into the element with this id. `name` returns the elements of a row's name, `value` the text that `onPick` gets;
 * `extra` is a column behind the others, of {name, cell: (group) => node}; its name may be empty. `label` names the table.
 */
export function showTable(id, groups, options) {
  const host = byId(id);
  if (groups.length === 0) return fill(host, el("p", { class: "none" }, "No requests in this time"));
  const view = views.get(id) ?? { column: "Requests", isUpward: false, isWhole: false };
  views.set(id, view);
  const again = (fields) => {
    views.set(id, { ...view, ...fields });
    keepingFocus(host, () => showTable(id, groups, options));
  };
  const sorted = sort(groups, view);
  const shown = view.isWhole ? sorted : sorted.slice(0, INITIAL_ROWS);
  const rest = groups.length - shown.length;
  const most = Math.max(...groups.map((group) => group.requests));
  const table = el("table", {}, tableHead(view, options, again), el("tbody", {}, shown.map((group) => tableRow(group, most, view, options))));
  const sheet = host.querySelector(".sheet") ?? el("div", { class: "sheet", tabindex: 0, role: "region", "aria-label": options.label });
  fill(sheet, table); // which stays where it was scrolled to
  arrange(host, [sheet, rest > 0 && el("button", { type: "button", class: "plain", "data-control": "more", click: () => again({ isWhole: true }) }, `Show ${count(rest)} more`)].filter(Boolean));
}

function sort(groups, { column, isUpward }) {
  const of = COLUMNS.find(({ name }) => name === column)?.of;
  if (!of) return groups.toSorted((one, other) => one.name.localeCompare(other.name) * (isUpward ? 1 : -1));
  const sign = isUpward ? 1 : -1;
  const known = (group) => of(group) !== null;
  return groups.toSorted((one, other) => known(other) - known(one) || sign * ((of(one) ?? 0) - (of(other) ?? 0)));
}

function tableHead({ column, isUpward }, { first, extra }, again) {
  const cell = (name, title = null) => {
    const isChosen = name === column;
    const flip = () => again({ column: name, isUpward: isChosen ? !isUpward : name === first });
    const direction = isUpward ? "ascending" : "descending";
    const button = { type: "button", class: "sort", "data-control": `by ${name}`, title, click: flip };
    return el(
      "th",
      { scope: "col", class: name === first ? null : "number", "aria-sort": isChosen ? direction : null },
      el("button", button, name, el("i", { "aria-hidden": "true" }, isChosen ? (isUpward ? "↑" : "↓") : "")),
    );
  };
  const cells = COLUMNS.map(({ name, title }) => cell(name, title));
  const last = extra.name ? el("th", { scope: "col", class: "extra" }, extra.name) : el("td", { class: "extra" });
  return el("thead", {}, el("tr", {}, cell(first), cells, last));
}

function tableRow(group, most, view, { name, value, picked, onPick, extra }) {
  const chosen = value(group) === picked;
  const pick = { type: "button", class: "pick", "aria-pressed": String(chosen), "data-control": `only ${value(group)}`, click: () => onPick(chosen ? "" : value(group)) };
  const cells = COLUMNS.map(({ name: column, of, show, kind }) => {
    const number = of(group);
    const words = ["number", column === view.column && "sorted", kind?.(number)].filter(Boolean).join(" ");
    return el("td", { class: words }, number === null ? NONE : show(number));
  });
  const isFaint = picked && !chosen;
  return el(
    "tr",
    { class: isFaint ? "faint" : chosen ? "chosen" : null },
    el("th", { scope: "row" }, el("button", pick, name(group)), meter(group.requests / most)),
    cells,
    el("td", { class: "extra" }, extra.cell(group)),
  );
}

/** A thin bar: how busy a row is, beside the busiest. */
function meter(share) {
  const bar = el("span", { class: "load", "aria-hidden": "true" });
  bar.style.width = `${Math.max(share * 100, 0.5)}%`;
  return bar;
}
