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
import { type Sampling, samplingOf, SamplingOptions } from "../endpoints/sampling.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
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
export function modelJudge(endpoint: Endpoint, sampling: Sampling): Judge {
  const settings = samplingOf(sampling);
  let fallback: JudgeProtocol | undefined;
  return {
    scale: null,
    title: endpoint.model,
    endpoints: [endpoint],
    get identity() {
      const { model, identity = null, structured = false } = endpoint;
      return { model, endpoint: identity, sampling: settings, structured };
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
  const ask: Ask = request.ask ?? ((asked, what, _round, abort) => asked.complete(what, abort));
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
    const judgement = completion.outcome === "context_length" ? unscored(item, completion) : {
      ...(structured ? protocol.structured : protocol).read(item, withoutThoughts(completion.text)),
      raw: completion.text,
    };
    if (best === undefined || scored(judgement) > scored(best)) best = judgement;
    if (judgement.reading === "complete" || completion.outcome === "context_length") break;
  }
  return best!;
}

/** What is said behind the thoughts that some models begin with; nothing if they have no end. */
function withoutThoughts(text: string): string {
  const end = Math.max(text.lastIndexOf("</think>"), text.lastIndexOf("</thinking>"));
  if (end >= 0) return text.slice(text.indexOf(">", end) + 1);
  return /^\s*<think(?:ing)?>/.test(text) ? "" : text;
}

function scored({ constraints, overall }: Judgement): number {
  return constraints.filter((v) => v.score !== null).length + (overall.score === null ? 0 : 0.5);
}

function unscored(item: BenchmarkItem, { error = "" }: Completion): Judgement {
  const none = { score: null, reason: `too long for the judge's context: ${error}` };
  return { constraints: item.constraints.map(() => none), overall: none, raw: "", reading: "none" };
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
