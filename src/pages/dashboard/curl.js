// A request as a command for a terminal.

/** Returns the command that sends the request of a record again; null where its text is not stored. */
export function curlOf(record) {
  const body = bodyOf(record);
  if (!body) return null;
  const given = JSON.stringify({ model: record.model, ...body });
  return `curl ${location.origin}/${record.endpoint} -H 'Content-Type: application/json' -d '${given.replaceAll("'", "'\\''")}'`;
}

function bodyOf({ endpoint, prompt_full: prompt, messages, system, stream, model }) {
  if (!prompt || !model) return null;
  const rest = typeof stream === "boolean" && { stream };
  if (endpoint === "api/generate") return { prompt, ...(system && { system }), ...rest };
  if (endpoint === "v1/completions") return { prompt, ...rest };
  if (endpoint === "v1/responses") return { input: prompt, ...rest };
  if (endpoint.includes("embed")) return endpoint === "api/embeddings" ? { prompt } : { input: prompt };
  const said = (messages ?? []).map(({ role, text, content, ...others }) => ({ role, content: text ?? content ?? "", ...others }));
  if (said.length === 0) said.push({ role: "user", content: prompt });
  if (endpoint === "v1/messages") return { max_tokens: 1024, ...(system && { system }), messages: said, ...rest };
  const isSystemAhead = !system || said[0].role === "system";
  return { messages: isSystemAhead ? said : [{ role: "system", content: system }, ...said], ...rest };
}
