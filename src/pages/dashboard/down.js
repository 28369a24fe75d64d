// Ollama is down: one card that says where it was looked for, why it does not answer, since when, and what to do.

import { byId, el, fill } from "./dom.js";
import { fetchJson } from "./api.js";
import { notePresent } from "./freshness.js";
import { shortTime } from "./format.js";
import { copyButton } from "./share.js";

const ADVICE = [
  ["Start it on this machine", "ollama serve"],
  ["Where it is a service", "sudo systemctl start ollama"],
];

let seenDown = 0;
let shownDown = "";

/** Shows the card while Ollama does not answer, and takes it away once it does. */
export async function showDown(isUp) {
  notePresent({ isDown: !isUp });
  document.documentElement.toggleAttribute("data-down", !isUp);
  const card = byId("down");
  if (isUp) {
    [seenDown, shownDown, card.hidden] = [0, "", true];
    return;
  }
  seenDown ||= Date.now() / 1000;
  const { ollama = {} } = await fetchJson("active").catch(() => ({}));
  if (!document.documentElement.hasAttribute("data-down")) return;
  const text = JSON.stringify([ollama.address, ollama.error, ollama.since ?? seenDown]);
  if (text !== shownDown) drawDown(card, ollama);
  shownDown = text;
}

function drawDown(card, { address, error, since }) {
  const where = address ? ["Ollama does not answer at ", el("bdi", {}, address)] : ["Ollama does not answer"];
  fill(
    card,
    el("h2", {}, where, ` since ${shortTime(since ?? seenDown)}`),
    error && el("p", {}, el("bdi", {}, error)),
    el("p", {}, "What clients ask is answered with an error until it runs again. If it runs elsewhere, start the tap with --upstream and its address."),
    el(
      "ul",
      {},
      ADVICE.map(([label, command]) => el("li", {}, el("span", {}, label), el("code", {}, command), copyButton("Copy", () => command))),
    ),
  );
  card.hidden = false;
}
