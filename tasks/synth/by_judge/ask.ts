/**
 * Asking the model that writes.
 * @module
 */
import type { Completion } from "../../../plugins/kinds/endpoint.ts";
import type { Draft, SynthStep } from "../draft.ts";
import { generatorRequest, type Workshop } from "../workshop.ts";

/** Times that a model is asked, at most, until its answer can be read. */
export const ROUNDS = 2;

/**
 * Asks the generator for a step of a draft.
 * @param round From 0; a later one asks the same again
 */
export function askGenerator(
  shop: Workshop,
  draft: Draft,
  { step, content, round = 0 }: { step: SynthStep; content: string; round?: number },
): Promise<Completion> {
  const place = { draft, step, number: `${round}`, round };
  return shop.asker.ask(place, shop.generator, generatorRequest(shop, content));
}
