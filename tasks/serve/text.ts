/**
 * `/v1/completions`: continuations of texts, no chat template applied.
 * @module
 */
import type { Context } from "hono";

import { tellUnused, unusedFields } from "./fields/apart_fields.ts";
import { badRequest } from "./api_error.ts";
import { readFields, TextFields, type TextRequest } from "./fields/fields.ts";
import type { ServedModel } from "./models.ts";
import { roomFor } from "./room.ts";
import { answerRequest, modelOf, type Service } from "./run.ts";
import { type TextPrompt, TextWriting } from "./text_writing.ts";
import type { Told } from "./counts/told.ts";
import { requestSampling } from "./sampling.ts";

/** Tokens of an answer that says no `max_tokens`, as OpenAI's interface has it. */
const DEFAULT_TOKENS = 16;

/** Answers a text request. */
export async function textCompletion(c: Context, service: Service, body: unknown): Promise<Response> {
  const request = readFields(TextFields, body);
  const model = modelOf(service, request.model);
  (c.get("told") as Told).model = model.id;
  refuseUnsupported(request);
  const prompts = promptsOf(request, model);
  const fields = { prompt: "prompt", limit: "max_tokens" } as const;
  const room = prompts.reduce(
    (least, { ids }) => Math.min(least, roomFor(ids.length, request.max_tokens, model, fields)),
    Infinity,
  );
  const limit = request.max_tokens ?? Math.min(DEFAULT_TOKENS, service.limits.maxTokens ?? DEFAULT_TOKENS);
  const logprobs = request.logprobs ?? null;
  const ofPrompt = request.echo === true && (logprobs !== null || limit === 0) ? logprobs ?? 0 : null;
  const sampling = requestSampling(model, request, {
    ...service.limits,
    room,
    limit,
    logprobs,
    echoLogprobs: ofPrompt,
  });
  const asked = prompts.map(({ ids }) => ({ model, prompt: ids, sampling, shown: [] }));
  const writing = new TextWriting(request, model, prompts);
  tellUnused(c, unusedFields(request));
  return await answerRequest(c, service, { asked, stream: request.stream ?? false, writing });
}

function refuseUnsupported(
  { suffix, best_of, n, echo, prompt_logprobs, max_tokens, stream, stream_options }: TextRequest,
): void {
  if (suffix != null && suffix !== "") {
    throw badRequest("Cannot fill in between prompt and suffix: this server continues texts only", "suffix");
  }
  const answers = n ?? 1;
  if (best_of != null && best_of < answers) {
    throw badRequest(
      `Cannot give ${answers} answers (n) of ${best_of} (best_of): leave best_of out`,
      "best_of",
    );
  }
  if (best_of != null && best_of > answers) {
    throw badRequest(
      `Cannot choose the best ${answers} of ${best_of} answers, as all that are made are given: leave best_of out, set n to ` +
        `${best_of}, and choose by their logprobs`,
      "best_of",
    );
  }
  if (max_tokens === 0 && echo !== true && prompt_logprobs == null) {
    throw badRequest(
      "Cannot answer without a token: set echo or prompt_logprobs for the prompt, or max_tokens to 1",
      "max_tokens",
    );
  }
  if (stream_options != null && stream !== true) {
    throw badRequest("Cannot use stream_options without stream: set stream to true", "stream_options");
  }
}

/** Ids of a text that the client writes whole, with bos and the like unless it says false. */
export function textIds(
  text: string,
  { local: { tokenizer } }: ServedModel,
  addSpecialTokens: boolean | null | undefined,
): number[] {
  // turns of a chat template stand in it as well: vLLM and llama.cpp read them so
  const ids = tokenizer.encode(text, { special: true });
  return addSpecialTokens === false ? ids : tokenizer.addBosEos(ids);
}

function promptsOf({ prompt, add_special_tokens }: TextRequest, model: ServedModel): TextPrompt[] {
  const { local } = model, { tokenizer } = local;
  const list: (string | number[])[] = typeof prompt === "string"
    ? [prompt]
    : isIds(prompt)
    ? [prompt]
    : prompt;
  return list.map((each, i) => {
    const foreign = typeof each === "string"
      ? undefined
      : each.find((id) => id >= local.generator.info.vocabSize);
    if (foreign !== undefined) {
      throw badRequest(
        `Cannot continue prompt ${i}: the model knows ids below ${local.generator.info.vocabSize}; current value is ${foreign}`,
        "prompt",
      );
    }
    if (typeof each !== "string") return { ids: each, text: tokenizer.decode(each, { skipSpecial: true }) };
    const ids = textIds(each, model, add_special_tokens);
    if (ids.length === 0) throw badRequest(`Cannot continue prompt ${i}: it has no tokens`, "prompt");
    return { ids, text: each };
  });
}

function isIds(prompt: readonly unknown[]): prompt is number[] {
  return typeof prompt[0] === "number";
}
