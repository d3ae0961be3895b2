// Requests to the board that this page came from, and to nothing else.

async function answered(reply) {
  const body = await reply.json().catch(() => ({ error: `The board answered with status ${reply.status}` }));
  if (!reply.ok) throw new Error(body.error);
  return body;
}

/** The address of something asked: lists become repeated names, null is left out. */
export function address(path, query = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") params.append(name, one);
    }
  }
  const text = params.toString();
  return `api/${path}${text === "" ? "" : `?${text}`}`;
}

export async function get(path, query, signal) {
  return answered(await fetch(address(path, query), { signal }));
}

export async function post(path, body) {
  return answered(
    await fetch(`api/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
}
