/**
 * Judge `openai`: a model behind an OpenAI-compatible endpoint, asked the way the item's benchmark says (its prompt, its
 * reader and its scale are data of the benchmark's protocol). An answer that can't be read completely is asked for again, a
 * bounded number of times; then the best reading counts and what wasn't read stays unscored.
 * @module
 */
import { z } from "zod";

import type { BenchmarkItem, JudgeProtocol } from "../kinds/benchmark.ts";
import type { Judgement } from "../kinds/judgement.ts";
import { traceProtocol } from "../benchmarks/trace/trace.ts";
import type { Completion, CompletionRequest, Endpoint } from "../kinds/endpoint.ts";
import { openaiEndpoint } from "../endpoints/openai.ts";
import openaiPlugin from "../endpoints/openai.ts";
import { type RequestSampling, samplingOf, SamplingOptions } from "../endpoints/sampling.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { withThoughtApart } from "../kinds/thoughts.ts";
import { type Ask, type Judge, type JudgeRequest, JudgeUnreachable } from "../kinds/judge.ts";

const Options = z.strictObject({
  ...openaiPlugin.options.shape,
  run_args: SamplingOptions.prefault({}).describe("sampling of the judge"),
});

/** The plugin, see the module's text. */
const openai: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "openai",
  version: "1",
  description: "A model behind an OpenAI-compatible server, asked the way the benchmark says",
  options: Options,
  create: ({ run_args, ...options }) => modelJudge(openaiEndpoint(options), run_args),
});
export default openai;

/** A judge that asks a model behind any endpoint. */
export function modelJudge(endpoint: Endpoint, sampling: RequestSampling): Judge {
  const settings = samplingOf(sampling);
  let fallback: JudgeProtocol | undefined;
  return {
    scale: null,
    title: endpoint.model,
    endpoints: [endpoint],
    get identity() {
      const { model, identity = null, structured = false } = endpoint;
      return {
        model,
        endpoint: identity,
        sampling: settings,
        structured,
        thoughtTags: endpoint.thoughtTags ?? null,
      };
    },
    judge: (request, signal) =>
      askJudge(endpoint, settings, request, request.protocol ?? (fallback ??= traceProtocol()), signal),
  };
}

async function askJudge(
  endpoint: Endpoint,
  settings: Omit<CompletionRequest, "messages">,
  request: JudgeRequest,
  protocol: JudgeProtocol,
  signal: AbortSignal,
): Promise<Judgement> {
  const item = request.item ?? itemOf(request);
  const ask: Ask = request.ask ??
    (async (asked, what, _round, abort) =>
      withThoughtApart(await asked.complete(what, abort), asked.thoughtTags));
  const messages = protocol.messages(item, request.response);
  const structured = endpoint.structured === true;
  let best: Judgement | undefined;
  for (let round = 0; round < protocol.rounds; round++) {
    const completion = await ask(
      endpoint,
      { ...settings, messages, id: item.id, ...(structured && { schema: protocol.structured.schema(item) }) },
      round,
      signal,
    );
    if (completion.outcome === "error") {
      // a readable part of an earlier round isn't thrown away, but nothing is made up either
      if (best !== undefined && best.reading !== "none") return best;
      throw new JudgeUnreachable(completion);
    }
    const judgement = completion.outcome !== "stop" && completion.outcome !== "length"
      ? unscored(item, completion)
      : {
        ...(structured ? protocol.structured : protocol).read(item, completion.text),
        raw: completion.text,
      };
    if (best === undefined || scored(judgement) > scored(best)) best = judgement;
    if (judgement.reading === "complete" || LASTING.has(completion.outcome)) break;
  }
  return best!;
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
