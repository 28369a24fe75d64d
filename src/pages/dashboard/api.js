// Asking the tap. The token goes to the history's own pages and to nobody else: everything else is forwarded to Ollama.

const TOKEN = "ollama-tap-token";
const PATIENCE = 60_000; // milliseconds; a Loki may take long

/** An answer that is no 2xx. `status` is 0 where there was no answer at all. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = () => sessionStorage.getItem(TOKEN);

export function setToken(text) {
  if (text) sessionStorage.setItem(TOKEN, text);
  else sessionStorage.removeItem(TOKEN);
}

/** A page of the history, as JSON. */
export async function ask(page, parameters = {}, signal = undefined) {
  return (await fetchHistory(page, parameters, signal)).json();
}

/** The address of a page of the history. */
export function pageOf(page, parameters = {}) {
  const text = new URLSearchParams(parameters).toString();
  return `/analytics/${page}${text && `?${text}`}`;
}

export async function fetchHistory(page, parameters, signal) {
  const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
  return fetched(pageOf(page, parameters), { headers, signal });
}

/** The text of /metrics. */
export const metrics = async () => (await fetched("/metrics", {})).text();

/** What Ollama holds in memory, through the tap. */
export const loadedModels = async () => (await (await fetched("/api/ps", {})).json()).models ?? [];

async function fetched(address, { headers, signal }) {
  const signals = [AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])];
  const options = { headers, signal: AbortSignal.any(signals), cache: "no-store", redirect: "error" };
  const response = await fetch(address, options).catch((cause) => {
    if (signal?.aborted) throw cause;
    throw new Refusal(0, `The tap does not answer at ${location.host}.`);
  });
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Refusal(response.status, typeof said.error === "string" ? said.error : `${response.status} ${response.statusText}`);
}
