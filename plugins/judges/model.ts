/**
 * Judge `model`: a model behind any endpoint, asked the way the item's benchmark says (its prompt, its
 * reader and its scale are data of the benchmark's protocol). An answer that can't be read completely is asked for again, a
 * bounded number of times; then the best reading counts and what wasn't read stays unscored.
 * @module
 */
import { z } from "zod";

import type { BenchmarkItem, JudgeProtocol } from "../kinds/benchmark.ts";
import type { Completion, CompletionRequest, Endpoint } from "../kinds/endpoint.ts";
import type { Judgement } from "../kinds/judgement.ts";
import { type Ask, type Judge, type JudgeRequest, JudgeUnreachable } from "../kinds/judge.ts";
import { placed, placeUnder } from "../kinds/place.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { productIdentity } from "../kinds/product_identity.ts";
import { type RequestSampling, samplingOf, SamplingOptions } from "../kinds/sampling.ts";
import { withThoughtApart } from "../kinds/thoughts/thoughts.ts";

const Options = z.strictObject({
  type: z.string().min(1).describe("endpoint plugin, or a released type such as vllm"),
  args: z.record(z.string(), z.unknown()).default({}).describe("options of the endpoint"),
  run_args: SamplingOptions.prefault({}).describe("sampling of the judge"),
});

/** The plugin, see the module's text. */
const model: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "model",
  version: "2",
  description: "A model behind an endpoint, asked the way the benchmark says",
  options: Options,
  create({ type, args, run_args }, { registry, place }) {
    const endpoint = placed(
      place("type"),
      () => registry.create("endpoint", type, args, placeUnder(place, "args")),
    );
    return modelJudge(endpoint, run_args);
  },
});
export default model;

/**
 * A judge that asks a model behind any endpoint.
 * @throws {TypeError} (of `judge`) If the benchmark says no way to ask a judge
 */
export function modelJudge(endpoint: Endpoint, sampling: RequestSampling): Judge {
  const settings = samplingOf(sampling);
  return {
    scale: null,
    title: endpoint.model,
    endpoints: [endpoint],
    get identity() {
      const { model, identity = null, structured = false } = endpoint;
      return {
        model,
        plugins: productIdentity(endpoint),
        endpoint: identity,
        sampling: settings,
        structured,
        thoughtTags: endpoint.thoughtTags ?? null,
      };
    },
    async judge(request, signal) {
      const { protocol } = request;
      if (protocol === undefined) {
        throw new TypeError(
          `Cannot ask ${endpoint.model} to judge item "${request.id}" as its benchmark says no way to ask a judge: ` +
            "current value of protocol is undefined",
        );
      }
      return await askJudge({ endpoint, settings, protocol }, request, signal);
    },
  };
}

async function askJudge(
  { endpoint, settings, protocol }: {
    endpoint: Endpoint;
    settings: Omit<CompletionRequest, "messages">;
    protocol: JudgeProtocol;
  },
  request: JudgeRequest,
  signal: AbortSignal,
): Promise<Judgement> {
  const item = request.item ?? itemOf(request);
  const ask: Ask = request.ask ??
    (async (asked, what, _round, abort) =>
      withThoughtApart(await asked.complete(what, abort), asked.thoughtTags));
  const messages = protocol.messages(item, request.response);
  const { response } = request;
  const schema = endpoint.structured === true && protocol.structured.schema(item, response);
  const read = (text: string, cut: boolean) =>
    schema ? protocol.structured.read(item, text, response, cut) : protocol.read(item, text, cut);
  let best: Judgement | undefined;
  let cuts = 0;
  for (let round = 0; round < protocol.rounds; round++) {
    const asked: CompletionRequest = { ...settings, messages, id: item.id, ...(schema && { schema }) };
    const completion = await ask(endpoint, asked, round, signal);
    if (completion.outcome === "error") {
      // a readable part of an earlier round isn't thrown away, but nothing is made up either
      if (best !== undefined && best.reading !== "none") return best;
      throw new JudgeUnreachable(completion);
    }
    const cut = completion.outcome === "length";
    const judgement = completion.outcome !== "stop" && !cut
      ? unscored(item, completion)
      : { ...read(completion.text, cut), raw: completion.text };
    if (judgement.reading !== "complete") request.unread?.(endpoint, asked, round);
    if (best === undefined || scored(judgement) > scored(best)) best = judgement;
    if (judgement.reading === "complete" || LASTING.has(completion.outcome)) break;
    // the same limit cuts again: once more is enough
    if ((cut || judgement.cut) && ++cuts === 2) break;
  }
  if (best === undefined) {
    throw new RangeError(
      `Cannot ask ${endpoint.model} as protocol.rounds must be at least 1: current value is ${protocol.rounds}`,
    );
  }
  return best;
}

/** Outcomes that asking again doesn't change. */
const LASTING: ReadonlySet<string> = new Set(["context_length", "content_filter"]);

/** Why there is no verdict, by outcome. */
const WITHOUT: Readonly<Record<string, string>> = {
  context_length: "too long for the judge's context",
  content_filter: "held back by a policy of the judge's server",
  thought_only: "the judge thought and gave no verdict",
};

function scored({ constraints, overall }: Judgement): number {
  return constraints.filter((v) => v.score !== null).length + (overall.score === null ? 0 : 0.5);
}

function unscored(item: BenchmarkItem, { outcome, text, thought, error = "" }: Completion): Judgement {
  const none = { score: null, reason: `${WITHOUT[outcome] ?? outcome}: ${error}` };
  return {
    constraints: item.constraints.map(() => none),
    overall: none,
    raw: thought || text,
    reading: "none",
  };
}

function itemOf({ id, prompt, constraints }: JudgeRequest): BenchmarkItem {
  return {
    id,
    messages: [{ role: "user", content: prompt }],
    constraints: constraints.map((c) => ({ ...c, groups: {} })),
    groups: {},
    fields: {},
  };
}
