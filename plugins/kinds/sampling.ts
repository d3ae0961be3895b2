/**
 * Sampling of answers: `run_args` of a model or a judge.
 * @module
 */
import { z } from "zod";

import type { CompletionRequest } from "./endpoint.ts";

/** Validated `run_args`; null: not sent. */
export interface RequestSampling {
  /** 0 to 5; 0: the likeliest token. */
  temperature: number | null;
  /** Nucleus, > 0 to 1. */
  top_p: number | null;
  /** Tokens of thought and answer at most, > 0. */
  max_tokens: number | null;
  /** Where the endpoint has one. */
  seed?: number | undefined;
  /** Texts that end an answer. */
  stop?: string[] | undefined;
  /** Answers of a request. */
  n?: 1 | undefined;
  /** Further fields of the request, each sent as it is. */
  extra_body?: Record<string, unknown> | undefined;
  /** Fields that are sent as they are, by the names of OpenAI's and vLLM's interfaces. */
  [field: string]: unknown;
}

/** `run_args`; temperature, top_p and max_tokens are always sent, unless they are null. */
export const SamplingOptions: z.ZodObject<{
  temperature: z.ZodDefault<z.ZodNullable<z.ZodNumber>>;
  top_p: z.ZodDefault<z.ZodNullable<z.ZodNumber>>;
  max_tokens: z.ZodDefault<z.ZodNullable<z.ZodInt>>;
  seed: z.ZodOptional<z.ZodInt>;
  stop: z.ZodOptional<z.ZodArray<z.ZodString>>;
  n: z.ZodOptional<z.ZodLiteral<1>>;
  frequency_penalty: z.ZodOptional<z.ZodNumber>;
  presence_penalty: z.ZodOptional<z.ZodNumber>;
  repetition_penalty: z.ZodOptional<z.ZodNumber>;
  top_k: z.ZodOptional<z.ZodInt>;
  min_p: z.ZodOptional<z.ZodNumber>;
  reasoning_effort: z.ZodOptional<z.ZodString>;
  chat_template_kwargs: z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodUnknown>>;
  extra_body: z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodUnknown>>;
}, z.core.$strict> = z.strictObject({
  temperature: z.number().min(0).max(5).nullable().default(0).describe(
    "0: the likeliest token (vLLM raises what lies between 0 and 0.01 to 0.01); null: not sent",
  ),
  top_p: z.number().gt(0).max(1).nullable().default(1).describe("nucleus; null: not sent"),
  max_tokens: z.int().positive().nullable().default(2048).describe(
    "limit of thought and answer; null: not sent",
  ),
  seed: z.int().optional().describe("where the endpoint has one"),
  stop: z.array(z.string().min(1)).optional().describe("texts that end an answer"),
  n: z.literal(1).optional().describe("answers a request: 1"),
  frequency_penalty: z.number().optional().describe("sent as it is"),
  presence_penalty: z.number().optional().describe("sent as it is"),
  repetition_penalty: z.number().optional().describe("sent as it is (vLLM, llama.cpp)"),
  top_k: z.int().optional().describe("sent as it is (vLLM, llama.cpp)"),
  min_p: z.number().optional().describe("sent as it is (vLLM, llama.cpp)"),
  reasoning_effort: z.string().optional().describe("sent as it is (OpenAI)"),
  chat_template_kwargs: z.record(z.string(), z.unknown()).optional().describe(
    "sent as it is (vLLM, SGLang), such as {enable_thinking: false}",
  ),
  extra_body: z.record(z.string(), z.unknown()).optional().check(z.refine(
    (body) => Object.keys(body ?? {}).every((name) => !OWN.has(name)),
    { error: ({ input }) => `must not have ${ownOf(input).join(", ")}: these have keys of their own` },
  )).describe(
    "further fields of the request, each sent as it is: thinking switches, vendors' fields (vLLM 0.32 ignores guided_json)",
  ),
});

/** Fields that aren't for `extra_body`. */
const OWN: ReadonlySet<string> = new Set([
  ...["model", "messages", "stream", "stream_options", "n", "response_format"],
  ...["temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop"],
]);

function ownOf(body: unknown): string[] {
  return Object.keys(body as Record<string, unknown>).filter((name) => OWN.has(name));
}

/** The sampling part of a request. */
export function samplingOf(run: RequestSampling): Omit<CompletionRequest, "messages"> {
  const { temperature, top_p, max_tokens, seed, stop, n: _one, extra_body, ...rest } = run;
  const named = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const extra = { ...named, ...extra_body };
  return {
    temperature,
    top_p,
    max_tokens,
    ...(seed !== undefined && { seed }),
    ...(stop !== undefined && { stop }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}
