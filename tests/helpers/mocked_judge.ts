/**
 * Requests and replies of a mocked server, for tests of runs.
 * @module
 */
export const asksJudge = (body: { messages: { content: string }[] }) =>
  body.messages.at(-1)!.content.includes("< constraints >:");

export const errorResponse = (status: number, message: string, headers = {}) =>
  Response.json({ error: { message } }, { status, headers });
