// Copies texts to the clipboard and saves files.

import { announce, el, icon } from "./dom.js";
import { fetchStream, pageUrl, token } from "./api.js";

const FEEDBACK_TIME = 1500; // milliseconds for which a button shows what it did

/** A button that copies what `text` returns; `what` says to screen readers what that is, where the label does not. */
export function copyButton(label, text, what = "") {
  const words = el("span", {}, label);
  const copy = async () => {
    words.textContent = (await copyText(text())) ? "Copied" : "Not allowed";
    announce(words.textContent);
    setTimeout(() => (words.textContent = label), FEEDBACK_TIME);
  };
  return el("button", { type: "button", class: "small", "aria-label": what ? `${label} ${what}` : null, click: copy }, icon("copy"), words);
}

/** Copies a text, and returns whether that was allowed. */
export async function copyText(text) {
  const done = await navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  );
  return done || copyBySelection(text);
}

/** A button that saves what `text` returns as a file. */
export function saveButton(label, name, type, text) {
  const saveFile = () => save(name, new Blob([text()], { type }));
  return el("button", { type: "button", class: "small", click: saveFile }, icon("save"), label);
}

/** Saves the history that `parameters` select. Only with a token does it pass through memory, because a link cannot send one. */
export async function exportHistory(parameters) {
  if (!token()) return follow(pageUrl("export", parameters));
  const response = await fetchStream("export", parameters);
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  save(name ?? `ollama-tap.${parameters.format}`, await response.blob());
}

function save(name, blob) {
  const address = URL.createObjectURL(blob);
  follow(address, name);
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function follow(href, download = "") {
  el("a", { href, download }).click();
}

/** Copies by selection, for pages that came without TLS from another machine: browsers give them no clipboard. */
function copyBySelection(text) {
  const area = el("textarea", { class: "hidden", readonly: true });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
