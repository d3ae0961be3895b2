/**
 * `/v1/score/evaluation`: rewards of texts by a reward model, as LLaMA-Factory's API has it. A reward compares answers to one prompt; it has neither zero
 * nor scale.
 * @module
 */
import type { Context } from "hono";
import { z } from "zod";

import { randomId } from "./answers/ids.ts";
import { badRequest, clientLeft, modelBroken, stopping } from "./api_error.ts";
import type { Told } from "./counts/told.ts";
import { readFields, TextFields } from "./fields/fields.ts";
import type { ServedModel } from "./models.ts";
import { modelOf, type Service } from "./run.ts";
import { textIds } from "./text.ts";

const Fields = z.strictObject({
  ...TextFields.pick({ model: true }).shape,
  messages: z.array(z.string()).min(1),
  max_length: z.int().min(1).nullish(),
});

/** Scores the texts of a request. */
export async function scoreTexts(c: Context, service: Service, body: unknown): Promise<Response> {
  const { model: name, messages, max_length } = readFields(Fields, body);
  const model = modelOf(service, name), told = c.get("told") as Told;
  told.model = model.id;
  const { rewards } = model;
  if (rewards === null) {
    throw badRequest(
      `Cannot score texts with ${model.id} as it has no value head (value_head.safetensors): serve what a training of stage rm wrote, ` +
        "or ask /v1/chat/completions for its answers",
      "model",
      "not_a_reward_model",
    );
  }
  const sequences = messages.map((text, i) => idsOf(text, model, { place: i, limit: max_length ?? null }));
  const release = service.places.take(1, "messages");
  const signal = AbortSignal.any([service.ending, c.req.raw.signal]);
  try {
    const scores = await rewards.rewards(sequences, signal),
      broken = scores.findIndex((score) => !Number.isFinite(score));
    if (broken !== -1) {
      throw modelBroken(
        `Cannot score messages.${broken} with ${model.id} as its reward isn't a number: current value is ${
          scores[broken]
        }. ` +
          "Are the weights finite?",
      );
    }
    told.promptTokens = sequences.reduce((sum, { length }) => sum + length, 0);
    told.completionTokens = 0;
    return c.json({ id: randomId("scoreval-"), object: "score.evaluation", model: name ?? model.id, scores });
  } catch (error) {
    told.finish = signal.aborted ? "gone" : "error";
    throw service.ending.aborted ? stopping() : signal.aborted ? clientLeft() : error;
  } finally {
    release();
  }
}

/** Ids of a text as it stands, its first `limit` of them; LLaMA-Factory adds no bos, and cuts what is too long for the model unsaid. */
function idsOf(
  text: string,
  model: ServedModel,
  { place, limit }: { place: number; limit: number | null },
): number[] {
  const all = textIds(text, model, false), ids = limit === null ? all : all.slice(0, limit);
  const { maxModelLen } = model.local.generator.info;
  if (ids.length === 0) throw badRequest(`Cannot score messages.${place}: it has no tokens`, "messages");
  if (ids.length <= maxModelLen) return ids;
  throw badRequest(
    `Cannot score messages.${place} as it has ${ids.length} tokens and ${model.id} takes ${maxModelLen}: send a shorter text, or ` +
      `max_length: ${maxModelLen} to have its beginning scored`,
    "messages",
    "context_length_exceeded",
  );
}
