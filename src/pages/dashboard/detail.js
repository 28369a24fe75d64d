// One message in a panel beside the list, which stays usable: its numbers, its timings, and its texts.

import { announce, byId, el, fill, icon } from "./dom.js";
import { deleteJson, fetchJson } from "./api.js";
import { askingButton } from "./asking.js";
import { fullTime, title } from "./format.js";
import { change, state } from "./state.js";
import { visible } from "./visible.js";
import { copyButton, saveButton } from "./share.js";
import { waterfall } from "./waterfall.js";
import { findingsOf } from "./why.js";
import { markHits } from "./hits.js";
import { contextBar, facts } from "./facts.js";
import { textsOf } from "./conversation.js";
import { conversationOf, deleteConversationButton } from "./thread.js";
import { curlOf } from "./curl.js";

const NO_LANDMARK = { role: "none" }; // in a dialog, heads and feet count as those of the page
const NARROW = matchMedia("(max-width: 860px)"); // there the panel covers the list

let shownId = "";
let lastId = "";
let shownRecord = null;
let pending = null;
/** What the list does: `neighbours(id)`, `neighbour(id, which)`, `place(id)`, `focusMessage(id)`, `markShown(id)`, `drop(isDeleted)`. */
let messageList = null;

/** Shows the message that the address names, or closes the panel. */
export async function showDetail() {
  const panel = byId("detail");
  if (state.id === shownId) return;
  pending?.abort();
  [shownId, shownRecord] = [state.id, null];
  messageList.markShown(shownId);
  if (!shownId) return panel.close();
  const id = shownId;
  lastId = id;
  pending = new AbortController();
  const isNew = !panel.open;
  if (isNew) openPanel(panel);
  if (isNew) drawDetail(null, el("p", { class: "none" }, "Loading this message…"));
  try {
    const record = await fetchJson(`messages/${encodeURIComponent(id)}`, {}, pending.signal);
    shownRecord = record;
    drawDetail(record, contents(record));
    announce(`${messageList.place(id)}${record.model ?? "no model"}, ${record.prompt_preview ?? title(record.status)}`);
  } catch (cause) {
    if (id !== shownId || cause.name === "AbortError") return;
    drawDetail(null, el("p", { class: "fault" }, cause.status === 404 ? "This message is no longer in the history." : cause.message));
  }
  if (isNew) panel.querySelector(".body").focus();
}

/** Draws the head again, after the list came or grew. */
export function followList() {
  for (const which of ["newer", "older"]) {
    const button = byId("detail").querySelector(`[data-go="${which}"]`);
    if (button) button.disabled = !canGo(which);
  }
}

/** Lets the list tell the neighbours, and keys, the backdrop and the Back button close the panel. */
export function prepareDetail(messages) {
  messageList = messages;
  const panel = byId("detail");
  panel.addEventListener("close", () => {
    delete document.documentElement.dataset.panel;
    change({ id: "" });
    messageList.focusMessage(lastId);
  });
  panel.addEventListener("click", (event) => event.target === panel && closeDetail());
}

/** The record in the panel; null while there is none. */
export const shownMessage = () => shownRecord;

export const closeDetail = () => byId("detail").close();

/** Shows the newer or the older neighbour; older ones are loaded. */
export async function goTo(which) {
  const from = shownId;
  const id = await messageList.neighbour(from, which);
  if (id && shownId === from) change({ id }, "replace");
}

/** Takes deleted messages out of the list, and shows the next one that is left; without one the panel closes. */
function drop(isDeleted) {
  const { newer, older } = messageList.neighbours(shownId);
  messageList.drop(isDeleted);
  const next = [older, newer].find((id) => id && messageList.place(id));
  if (!next) return closeDetail();
  change({ id: next }, "replace");
  byId("detail").querySelector(".body").focus();
}

function deleteButton({ interaction_id: id }) {
  const remove = async () => {
    await deleteJson(`messages/${encodeURIComponent(id)}`);
    drop((record) => record.interaction_id === id);
    return "Message deleted";
  };
  return askingButton("Delete message", "", { class: "small" }, remove);
}

function canGo(which) {
  const { hasNewer, hasOlder } = messageList.neighbours(shownId);
  return which === "newer" ? hasNewer : hasOlder;
}

function openPanel(panel) {
  document.documentElement.dataset.panel = "";
  if (NARROW.matches) panel.showModal();
  else panel.show();
}

function drawDetail(record, ...inside) {
  const region = { class: "body", tabindex: "-1", role: "region", "aria-labelledby": "detail-title" };
  fill(byId("detail"), head(record), el("div", region, ...inside));
  markHits();
}

function head(record) {
  const time = record && el("time", { datetime: new Date(record.timestamp * 1000).toISOString() }, fullTime(record.timestamp));
  return el(
    "header",
    NO_LANDMARK,
    el(
      "div",
      {},
      el("h2", { id: "detail-title", title: record?.model }, el("bdi", {}, visible(record ? (record.model ?? "No model") : "Message"))),
      record && el("p", { class: "muted" }, badge(record.status), time),
    ),
    el("div", { class: "controls" }, goButton("newer"), goButton("older"), closeButton()),
  );
}

function goButton(which) {
  const label = which === "newer" ? "Newer message (k)" : "Older message (j)";
  const attributes = { type: "button", class: "icon", "aria-label": label, title: label, disabled: !canGo(which), "data-go": which };
  return el("button", { ...attributes, click: () => goTo(which) }, icon(which === "newer" ? "up" : "down"));
}

function closeButton() {
  return el("button", { type: "button", class: "icon", "aria-label": "Close", title: "Close (Esc)", click: closeDetail }, icon("close"));
}

export function badge(status) {
  return el("span", { class: `badge ${status}` }, title(status));
}

function contents(record) {
  const json = () => JSON.stringify(record, null, 2);
  const curl = curlOf(record);
  return [
    record.error && el("section", { class: "text fault" }, el("h3", {}, "Error", copyButton("Copy", () => record.error, "the error")), el("pre", { dir: "auto", tabindex: "0" }, visible(record.error))),
    findingsOf(record),
    ...textsOf(record),
    conversationOf(record),
    waterfall(record),
    contextBar(record),
    facts(record),
    el(
      "footer",
      NO_LANDMARK,
      curl && copyButton("Copy as curl", () => curl),
      copyButton("Copy as JSON", json),
      saveButton("Save as JSON", `${record.interaction_id}.json`, "application/json", json),
      copyButton("Copy link", () => location.href),
      el("span", { class: "buttons" }, deleteButton(record), deleteConversationButton(record, drop)),
    ),
  ].filter(Boolean);
}
