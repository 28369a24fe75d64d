// A request as a command for a terminal: its texts and its parameters, without pictures and tools, which the history does not keep.

/** Parameters of Ollama's own routes beside the prompt; the others are options of the model. */
const BESIDE_PROMPT = ["dimensions", "height", "keep_alive", "logprobs", "raw", "shift", "steps", "think", "top_logprobs", "truncate", "width"];
const UNKNOWN_WORD = "other"; // what the history has in the place of a word that it does not know

/** Returns the command that sends the request of a record again; null where its text is not stored. */
export function curlOf(record) {
  const body = bodyOf(record);
  if (!body) return null;
  const given = JSON.stringify({ model: record.model, ...body, ...parametersOf(record) });
  return `curl ${location.origin}/${record.endpoint} -H 'Content-Type: application/json' -d '${given.replaceAll("'", "'\\''")}'`;
}

function bodyOf(record) {
  const { endpoint, prompt_full: prompt, system, stream, model } = record;
  if (!prompt || !model) return null;
  const rest = typeof stream === "boolean" && { stream };
  if (endpoint === "api/generate") return { prompt, ...(system && { system }), ...rest };
  if (endpoint === "v1/completions") return { prompt, ...rest };
  if (endpoint.includes("embed")) return endpoint === "api/embeddings" ? { prompt } : { input: prompt };
  const messages = saidIn(record);
  if (endpoint === "v1/messages") return { max_tokens: 1024, ...(system && { system }), messages, ...rest };
  if (endpoint === "v1/responses") return { ...(system && { instructions: system }), input: messages, ...rest };
  return { messages: system ? [{ role: "system", content: system }, ...messages] : messages, ...rest };
}

/** What the request set beside its texts, as far as that can be sent again. */
function parametersOf({ endpoint, parameters }) {
  const { tools, tool_choice, ...others } = parameters ?? {};
  const known = Object.entries(others).filter(([, value]) => value !== UNKNOWN_WORD);
  if (!endpoint.startsWith("api/")) return Object.fromEntries(known);
  const [beside, options] = [true, false].map((isBeside) => Object.fromEntries(known.filter(([name]) => BESIDE_PROMPT.includes(name) === isBeside)));
  return { ...beside, ...(Object.keys(options).length > 0 && { options }) };
}

/** What was said, as messages of a request. Only Ollama's own route takes a tool's result by the name of the tool. */
function saidIn({ endpoint, messages, prompt_full: prompt }) {
  if (!messages?.length) return [{ role: "user", content: prompt }];
  const isNative = endpoint === "api/chat";
  const said = messages.filter(({ role, text }) => (isNative ? role !== "gone" : text && ["user", "assistant", "system"].includes(role)));
  return said.map((message) => (isNative ? nativeMessage(message) : { role: message.role, content: message.text }));
}

function nativeMessage({ role, text, tool_calls: calls, tool_name: tool }) {
  const called = calls?.map(({ name, arguments: given }) => ({ function: { name, arguments: parsed(given) } }));
  return { role, content: text ?? "", ...(called && { tool_calls: called }), ...(tool && { tool_name: tool }) };
}

function parsed(json) {
  try {
    return JSON.parse(json);
  } catch {
    return {}; // Ollama takes an object alone
  }
}
