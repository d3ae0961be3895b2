/**
 * Answers of servers that stream although they weren't asked to (`transformers serve` up to 4.57 always does).
 * @module
 */
import { AnswerError } from "./failures.ts";

interface Chunk {
  error?: { message?: string } | string;
  choices?: { delta?: { content?: string | null; refusal?: string | null }; finish_reason?: string | null }[];
  usage?: unknown;
}

/**
 * The completion that a stream of server-sent events adds up to, as JSON text in the shape of one that wasn't streamed.
 * @throws {AnswerError} If an event isn't JSON or says that something failed, or the stream has no end.
 */
export function wholeOfStream(text: string): string {
  let content = "", finish: string | null = null, usage: unknown;
  for (const event of text.split(/\r?\n\r?\n/)) {
    const data = event.split(/\r?\n/).flatMap((line) => line.startsWith("data:") ? [line.slice(5)] : []).join(
      "\n",
    );
    if (data.trim() === "" || data.trim() === "[DONE]") continue;
    const { error, choices, usage: counted } = parse(data);
    if (error !== undefined) {
      const said = typeof error === "string" ? error : error.message;
      throw new AnswerError("server", `the stream says: ${said ?? JSON.stringify(error)}`);
    }
    const choice = choices?.[0];
    content += choice?.delta?.content ?? choice?.delta?.refusal ?? "";
    finish = choice?.finish_reason ?? finish;
    usage = counted ?? usage;
  }
  if (finish === null) {
    throw new AnswerError("stopped", `the stream stopped before its end, after ${content.length} characters`);
  }
  return JSON.stringify({
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: finish }],
    usage,
  });
}

function parse(data: string): Chunk {
  try {
    return JSON.parse(data) as Chunk;
  } catch (error) {
    throw new AnswerError("malformed", `a piece isn't JSON: ${(error as Error).message}`);
  }
}
