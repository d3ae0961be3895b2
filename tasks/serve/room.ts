/**
 * The room that a model's context has for prompt and answer.
 * @module
 */
import { ApiError, type ApiErrorFields } from "./api_error.ts";
import type { ServedModel } from "./models.ts";

/** Fields of a request that its errors name. */
export interface RoomFields {
  /** Field of the prompt. */
  prompt: "messages" | "prompt";
  /** Field that bounds the answer, where the client gave one. */
  limit: "max_tokens" | "max_completion_tokens";
}

/**
 * Tokens that an answer has room for, ≥ 1.
 * @param tokens Of the prompt, ≥ 1
 * @param asked Tokens that the client lets the answer have; null where it doesn't say: then the answer ends where the context does
 * @throws {ApiError} 400 if the prompt leaves no room, or not as much as is asked for (as vLLM and OpenAI)
 */
export function roomFor(
  tokens: number,
  asked: number | null | undefined,
  { local }: Pick<ServedModel, "local">,
  { prompt, limit }: RoomFields,
): number {
  const { maxModelLen } = local.generator.info, room = maxModelLen - tokens;
  const found = { context: maxModelLen, prompt: tokens, asked: room < 1 ? null : asked ?? null };
  if (room < 1) throw tooLong(found, `your prompt has ${tokens}, and an answer needs room too`, prompt);
  if (asked == null || asked <= room) return room;
  throw tooLong(
    found,
    `your prompt has ${tokens} and ${limit} asks for ${asked}, together ${
      tokens + asked
    }: ask for ${room} at most, or shorten the prompt`,
    limit,
  );
}

function tooLong(room: NonNullable<ApiErrorFields["room"]>, why: string, param: string): ApiError {
  // clients look for these words, OpenAI's and vLLM's, to shorten what they send
  const known = `This model's maximum context length is ${room.context} tokens`;
  const code = "context_length_exceeded";
  return new ApiError(`${known}. However, ${why}`, {
    status: 400,
    type: "invalid_request_error",
    param,
    code,
    room,
  });
}
