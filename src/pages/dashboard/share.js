// Taking things away: to the clipboard, and as files.

import { el, icon, say } from "./dom.js";
import { fetchHistory, pageOf, token } from "./api.js";

const THANKS = 1500; // milliseconds that a button says what it did

/** A button that copies what `text` returns. */
export function copyButton(label, text) {
  const words = el("span", {}, label);
  const copy = async () => {
    const done = await navigator.clipboard?.writeText(text()).then(
      () => true,
      () => false,
    );
    words.textContent = done || copyBySelection(text()) ? "Copied" : "Not allowed";
    say(words.textContent);
    setTimeout(() => (words.textContent = label), THANKS);
  };
  return el("button", { type: "button", class: "small", click: copy }, icon("copy"), words);
}

/** A button that saves what `text` returns as a file. */
export function saveButton(label, name, type, text) {
  const keep = () => save(name, new Blob([text()], { type }));
  return el("button", { type: "button", class: "small", click: keep }, icon("save"), label);
}

/** Saves the history as far as `parameters` mean it. Only with a token does it pass through memory: a link sends none. */
export async function exportHistory(parameters) {
  if (!token()) return follow(pageOf("export", parameters));
  const response = await fetchHistory("export", parameters);
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

/** The way of old, for pages that came without TLS from another machine: there is no clipboard for them. */
function copyBySelection(text) {
  const area = el("textarea", { class: "hidden", readonly: true });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
