/**
 * Checks of an endpoint of one's own: its settings, its answers and how they ended.
 * @module
 */
import { z } from "zod";

import type { Endpoint, Failure } from "../endpoint.ts";
import { onlyFields, productFields } from "./fields_only.ts";
import { frozenCopy } from "./frozen.ts";
import { type Maker, replacing } from "./maker.ts";
import {
  aFunction,
  anyText,
  fields,
  flag,
  functionOrNothing,
  jsonData,
  listOf,
  needed,
  oneOfNames,
  orNothing,
  words,
} from "./schemas.ts";

const FAILURES = [
  ...["auth", "not_found", "quota", "refused", "connection", "timeout", "rate_limit", "server"] as const,
  ...["bad_request", "settings", "redirect", "malformed", "too_large", "stopped", "missing"] as const,
  "tool_call",
] satisfies Failure["kind"][];

const tokens = needed("a number >= 0", (v) => typeof v === "number" && v >= 0 && v < Infinity);
const completion = onlyFields({
  outcome: oneOfNames("stop", "length", "thought_only", "content_filter", "context_length", "error"),
  text: anyText,
  promptTokens: tokens,
  completionTokens: tokens,
  thought: orNothing(anyText),
  error: orNothing(anyText),
  failure: z.unknown(),
  estimated: orNothing(flag),
  answeredBy: orNothing(anyText),
});
const failed = fields({
  error: words,
  failure: onlyFields({
    kind: oneOfNames(...FAILURES),
    retryable: flag,
    fatal: flag,
    retryAfterMs: orNothing(needed("a number >= 0, or nothing,", (v) => typeof v === "number" && v >= 0)),
  }),
});

const price = needed("a number >= 0", (v) => typeof v === "number" && v >= 0 && v < Infinity);
const SETTINGS = {
  model: anyText,
  identity: orNothing(jsonData),
  earlierIdentity: orNothing(jsonData),
  notes: orNothing(listOf(anyText, "a list of texts")),
  concurrency: orNothing(
    needed("a whole number >= 1, or nothing,", (v) => Number.isSafeInteger(v) && (v as number) >= 1),
  ),
  prices: orNothing(fields({ input: price, output: price })),
  revision: orNothing(onlyFields({ name: words, commit: words })),
  structured: orNothing(flag),
  cacheable: orNothing(flag),
  onThisMachine: orNothing(flag),
  spends: orNothing(flag),
  thoughtTags: orNothing(
    listOf(
      needed(
        "a pair of texts that aren't empty",
        (v) => Array.isArray(v) && v.length === 2 && v.every((tag) => typeof tag === "string" && tag !== ""),
      ),
      "a list of pairs of texts",
    ),
  ),
};
const settings = fields(SETTINGS);

/** An endpoint: a text, how it ended, and counts of tokens. */
export function checkedEndpoint(endpoint: Endpoint, maker: Maker): Endpoint {
  const { model, ...optional } = SETTINGS;
  maker.checkMade(
    endpoint,
    productFields(
      { complete: aFunction, close: aFunction, model },
      { prepare: functionOrNothing, ...optional },
    ),
  );
  const { prepare } = endpoint;
  return replacing(endpoint, {
    prepare: prepare && (async (say) => {
      await maker.alone.run(async () => await prepare.call(endpoint, say));
      maker.alone.check("the endpoint after prepare()", endpoint, settings);
    }),
    close: () => maker.alone.run(async () => await endpoint.close()),
    async complete(request, signal) {
      const found = await maker.run(async () => await endpoint.complete(frozenCopy(request), signal));
      maker.check("complete()", found, completion);
      if (found.outcome === "error") maker.check("complete()", found, failed);
      return found;
    },
  });
}
