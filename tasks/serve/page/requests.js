// Requests to the server that this page came from, and to nothing else. A key of "" is none.

const headers = (key) => ({
  "content-type": "application/json",
  ...(key !== "" && { authorization: `Bearer ${key}` }),
});

async function messageOf(reply) {
  try {
    return (await reply.json()).error.message;
  } catch {
    return `The server answered with status ${reply.status}`;
  }
}

/** What the server gives; browsers call a lost connection by a word of their own each, in a TypeError. */
async function reached(reply) {
  try {
    return await reply;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Error("The connection to the server was lost: is it still running?");
  }
}

/** Names of the models that can be asked. @throws {Error} With the server's message */
export async function modelNames(key) {
  const reply = await reached(fetch("v1/models", { headers: headers(key) }));
  if (!reply.ok) throw new Error(await messageOf(reply));
  return (await reply.json()).data.map(({ id }) => id);
}

/** Chunks of a chat's answer as they come. @throws {Error} With the server's message, also where it comes within the stream */
export async function* chatChunks(body, { key, signal }) {
  const reply = await reached(fetch("v1/chat/completions", {
    method: "POST",
    headers: headers(key),
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    signal,
  }));
  if (!reply.ok) throw new Error(await messageOf(reply));
  for await (const chunk of events(reply.body)) {
    if (chunk.error) throw new Error(chunk.error.message);
    yield chunk;
  }
}

/** Bodies of a stream of server-sent events. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reached(reader.read());
    if (done) throw new Error("The server ended the answer before its end");
    held += value;
    const parts = held.split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: /, "");
      if (data === "[DONE]") return;
      if (part.startsWith("data: ")) yield JSON.parse(data);
    }
  }
}
