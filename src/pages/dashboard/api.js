// Requests to the tap. The token is sent to the history's pages alone: everything else is forwarded to Ollama.

const TOKEN_KEY = "ollama-tap-token";
const REQUEST_TIMEOUT = 60_000; // milliseconds; a Loki may take long
const MAX_KEPT = 8; // answers that are asked for again by their ETag

/** Answers of the history's pages, as texts with their ETags, by address: the one that was used last is the last. */
const kept = new Map();

/** An answer other than 2xx. `status` is 0 where nobody answered, and -1 where it took too long. */
class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = () => sessionStorage.getItem(TOKEN_KEY);

export function setToken(text) {
  if (text) sessionStorage.setItem(TOKEN_KEY, text);
  else sessionStorage.removeItem(TOKEN_KEY);
}

/** Fetches a page of the history as JSON. */
export async function fetchJson(page, parameters = {}, signal = undefined, timeout = REQUEST_TIMEOUT) {
  return (await fetchHistory(page, parameters, signal, timeout)).json;
}

/** What tells whether something entered the history since, of an answer of /analytics/stats. */
export const historyState = ({ records, newest }) => `${records} ${newest}`;

/** Returns the address of a page of the history. */
export function pageUrl(page, parameters = {}) {
  const text = new URLSearchParams(parameters).toString();
  return `/analytics/${page}${text && `?${text}`}`;
}

/** Fetches a page of the history as its headers and its JSON. One that has not changed costs a few bytes: the browser may keep none on its disk, so it is kept here. */
export async function fetchHistory(page, parameters, signal, timeout) {
  const address = pageUrl(page, parameters);
  const known = kept.get(address);
  const headers = { ...authorization(), ...(known && { "If-None-Match": known.etag }) };
  const response = await request(address, { headers, signal, timeout });
  const { headers: told } = response;
  const answer = response.status === 304 ? known : { etag: told.get("ETag"), text: await response.text(), headers: told };
  if (answer.etag) keepAnswer(address, answer);
  return { headers: answer.headers, json: JSON.parse(answer.text) };
}

/** Fetches a page of the history that may be long, however long it takes. Nothing of it is kept. */
export function fetchStream(page, parameters) {
  return request(pageUrl(page, parameters), { headers: authorization(), timeout: Infinity });
}

function keepAnswer(address, answer) {
  kept.delete(address);
  kept.set(address, answer);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value);
}

/** Has the history do something, and returns its answer. */
export async function postJson(page, parameters) {
  return (await request(pageUrl(page, parameters), { headers: authorization(), method: "POST" })).json();
}

/** Has the history delete something, or the tap cancel a request, and returns its answer. */
export async function deleteJson(page, parameters = {}) {
  return (await request(pageUrl(page, parameters), { headers: authorization(), method: "DELETE" })).json();
}

const authorization = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

async function request(address, { headers, signal, method, timeout = REQUEST_TIMEOUT }) {
  const signals = [timeout < Infinity && AbortSignal.timeout(timeout), signal].filter(Boolean);
  const options = { headers, method, signal: AbortSignal.any(signals), cache: "no-store", redirect: "error" };
  const response = await fetch(address, options).catch((cause) => {
    if (signal?.aborted) throw cause;
    if (cause.name === "TimeoutError") throw new RequestError(-1, "The tap takes longer than a minute to answer.");
    throw new RequestError(0, `The tap does not answer at ${location.host}.`);
  });
  if (response.ok || response.status === 304) return response;
  const body = await response.json().catch(() => ({}));
  throw new RequestError(response.status, typeof body.error === "string" ? body.error : `${response.status} ${response.statusText}`);
}
