// Keys that work everywhere on the page but in fields, and what they do, in a dialog.

import { announce, byId, el, fill } from "./dom.js";
import { fetchJson } from "./api.js";
import { change } from "./state.js";
import { focusSearch } from "./filters.js";
import { closeDetail, goTo, shownMessage } from "./detail.js";
import { focusRow, rowInFocus } from "./rows.js";
import { neighbour } from "./messages.js";
import { copyText } from "./share.js";

const HELP = [
  ["j", "Next message, an older one"],
  ["k", "Previous message, a newer one"],
  ["o or Enter", "Open the message"],
  ["c", "Copy its reply"],
  ["/", "Search"],
  ["Esc", "Close the message"],
  ["?", "These keys"],
];
const ACTIONS = { j: () => step("older"), k: () => step("newer"), o: openFocused, c: copyReply, "/": goToSearch, "?": showHelp, Escape: closePanel };

/** Lets the keys act. `fail` shows why one could not. */
export function prepareKeys(fail) {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=radio]), select, textarea, dialog.help");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(ACTIONS, event.key)) return;
    const acted = ACTIONS[event.key]();
    if (acted === false) return;
    event.preventDefault();
    Promise.resolve(acted).catch(fail);
  });
}

async function step(which) {
  if (byId("detail").open) return goTo(which);
  const { id, hasFocus } = rowInFocus();
  if (!id) return;
  const next = hasFocus && (await neighbour(id, which));
  focusRow(next || id);
}

function openFocused() {
  const { id, hasFocus } = rowInFocus();
  if (!hasFocus) return false;
  change({ id });
}

async function copyReply() {
  const { id, hasFocus } = rowInFocus();
  if (!shownMessage() && !hasFocus) return;
  const record = shownMessage() ?? (await fetchJson(`messages/${encodeURIComponent(id)}`));
  const text = record.response_full ?? record.response_preview;
  announce(text ? (await copyText(text)) ? "Reply copied" : "Copying is not allowed" : "There is no reply");
}

/** A panel that covers the page is closed first: only after that the search can have the focus. */
function goToSearch() {
  const panel = byId("detail");
  if (!panel.matches(":modal")) return focusSearch();
  panel.addEventListener("close", focusSearch, { once: true });
  closeDetail();
}

function closePanel() {
  if (!byId("detail").open) return false;
  closeDetail();
}

export function showHelp() {
  const dialog = byId("help");
  const keys = HELP.map(([key, what]) => el("div", {}, el("dt", {}, key.split(" or ").flatMap((one, n) => [n > 0 && " or ", el("kbd", {}, one)])), el("dd", {}, what)));
  const close = el("button", { type: "button", class: "primary", click: () => dialog.close() }, "Close");
  fill(dialog, el("h2", { id: "help-title" }, "Keys"), el("dl", {}, keys), close);
  dialog.showModal();
}
