// Ollama is down: one card that says where it was looked for, why it does not answer, since when, and what to do.

import { byId, el, fill } from "./dom.js";
import { shortTime } from "./format.js";
import { copyButton } from "./share.js";

const ADVICE = [
  ["Start it on this machine", "ollama serve"],
  ["Where it is a service", "sudo systemctl start ollama"],
];

let shownDown = "";

/** Shows the card while Ollama does not answer, and takes it away once it does. */
export function showDown({ up, address, error, since }) {
  document.documentElement.toggleAttribute("data-down", !up);
  byId("down").hidden = up;
  const text = up ? "" : JSON.stringify([address, error, since]);
  if (text === shownDown) return;
  shownDown = text;
  if (!up) drawDown(address, error, since);
}

function drawDown(address, error, since) {
  fill(
    byId("down"),
    el("h2", {}, "Ollama does not answer at ", el("bdi", {}, address), since && ` since ${shortTime(since)}`),
    error && el("p", {}, el("bdi", {}, error)),
    el("p", {}, "What clients ask is answered with an error until it runs again. If it runs elsewhere, start the tap with --upstream and its address."),
    el(
      "ul",
      {},
      ADVICE.map(([label, command]) => el("li", {}, el("span", {}, label), el("code", {}, command), copyButton("Copy", () => command))),
    ),
  );
}
