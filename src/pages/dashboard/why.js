// The findings: what made requests slow or their replies wrong, in a panel of its own, and badges.

import { byId, el, fill } from "./dom.js";
import { fetchJson } from "./api.js";
import { count, shortTime, title } from "./format.js";
import { addressWith, change, query, state } from "./state.js";

const SHOWN = 5; // groups in the panel
const MAX_AGE = 30_000; // milliseconds before the same question is put again

let asked = "";
let askedAt = 0;

/** Fetches the findings of the range and the filters; the panel is there only where there are some. */
export async function refreshWhy(signal) {
  const parameters = query();
  const question = JSON.stringify({ ...parameters, start_time: state.from || state.range });
  if (question === asked && Date.now() - askedAt < MAX_AGE) return;
  const { findings } = await fetchJson("why", { start_time: 0, ...parameters }, signal);
  [asked, askedAt] = [question, Date.now()];
  byId("why").hidden = findings.length === 0;
  byId("why-aside").textContent = findings.length > SHOWN ? `the first ${SHOWN} of ${count(findings.length)}` : "";
  fill(byId("why-list"), findings.slice(0, SHOWN).map(group));
}

function group({ kind, certainty, sentence, way_out: wayOut, requests, last, examples }) {
  const [id] = examples;
  const open = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    change({ id });
  };
  const hit = `${count(requests)} ${requests === 1 ? "request" : "requests"}, the last at ${shortTime(last)}`;
  return el(
    "li",
    {},
    findingBadge({ kind, certainty }),
    el("p", {}, el("bdi", {}, sentence)),
    wayOut && el("p", { class: "way-out" }, el("bdi", {}, wayOut)),
    el("p", { class: "muted" }, hit, id && [" · ", el("a", { href: addressWith({ id }), click: open }, "look at one")]),
  );
}

/** A badge for one finding; the title says whether it is sure. */
export function findingBadge({ kind, certainty }) {
  return el("span", { class: `badge finding ${certainty}`, title: certainty }, title(kind));
}

/** The findings of one message, each with its way out. */
export function findingsOf(record) {
  if (!record.findings?.length) return null;
  const told = record.findings.map((finding) =>
    el(
      "li",
      {},
      findingBadge(finding),
      el("p", {}, el("bdi", {}, finding.sentence)),
      finding.way_out && el("p", { class: "way-out" }, el("bdi", {}, finding.way_out)),
    ),
  );
  return el("section", {}, el("h3", {}, "Findings"), el("ul", { class: "findings" }, told));
}
