// Notices in place of numbers: a token is needed, there is no history, or no request was made yet.

import { byId, el, fill } from "./dom.js";
import { setToken, token } from "./api.js";
import { copyButton } from "./share.js";

const PROMPT = '{"model":"llama3.2","prompt":"Why is the sky blue?"}';

/** Sets the state of the whole page: `loading`, `ready`, `empty`, `off` or `token`. The style shows what belongs to it. */
export function showState(name, action) {
  const root = document.documentElement;
  if (root.dataset.state === name) return;
  root.dataset.state = name;
  const notice = byId("notice");
  notice.hidden = !(name in NOTICES);
  fill(notice, name in NOTICES ? NOTICES[name](action) : null);
  if (name === "token") notice.querySelector("input").focus();
}

/** Shows an error that the next attempt may fix; an empty text removes it. */
export function showBanner(text, action) {
  const banner = byId("banner");
  banner.hidden = !text;
  if (banner.dataset.text === text) return;
  banner.dataset.text = text;
  fill(banner, el("span", {}, text), el("button", { type: "button", class: "small", click: action }, "Try again"));
}

const NOTICES = { token: tokenForm, off: noHistory, empty: noRequests };

function tokenForm(retry) {
  const field = el("input", {
    type: "password",
    id: "token",
    autocomplete: "current-password",
    required: true,
    "aria-describedby": "token-help",
  });
  const submit = (event) => {
    event.preventDefault();
    setToken(field.value.trim());
    document.documentElement.dataset.state = "loading";
    retry();
  };
  return el(
    "form",
    { submit },
    el("h2", {}, "The history is private"),
    el(
      "p",
      { id: "token-help" },
      token()
        ? "This token is not the right one."
        : "It opens with the token that the tap was started with (--token). Without one it answers this machine alone, by localhost.",
    ),
    el("label", { for: "token" }, "Token"),
    el("div", { class: "line" }, field, el("button", { type: "submit", class: "primary" }, "Open")),
    el("p", { class: "muted" }, "It is kept in this tab only, and goes to this tap alone."),
  );
}

function noHistory() {
  return el(
    "div",
    {},
    el("h2", {}, "No history is kept"),
    el(
      "p",
      {},
      "This tap was started with --analytics-backend none. It forwards, and counts for Prometheus; what it forwards is not recorded.",
    ),
    el("p", {}, "Start it with jsonl, sqlite or loki, and this page fills itself."),
    command("ollama-tap proxy --analytics-backend jsonl"),
  );
}

function noRequests() {
  return el(
    "div",
    {},
    el("h2", {}, "Waiting for the first request"),
    el("p", {}, "Point any Ollama client at this address. What it asks appears here a moment later."),
    command(`curl ${location.origin}/api/generate -d '${PROMPT}'`),
    command(`OLLAMA_HOST=${location.origin} ollama run llama3.2`),
  );
}

function command(text) {
  return el(
    "div",
    { class: "command" },
    el("code", {}, text),
    copyButton("Copy", () => text),
  );
}
