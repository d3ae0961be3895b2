/**
 * A benchmark whose answers a judge by rules decides.
 * @module
 */
import type { BenchmarkItem } from "../kinds/benchmark.ts";
import { lastUserText } from "../kinds/endpoint.ts";
import type { Judge } from "../kinds/judge.ts";
import type { Judgement } from "../kinds/judgement.ts";

/** The judge's verdicts on one answer. Rules end by themselves, so there is nothing to abort. */
export function checkByJudge(judge: Judge, item: BenchmarkItem, response: string): Promise<Judgement> {
  const { id, constraints, messages } = item;
  const request = { id, prompt: lastUserText(messages), response, constraints, item };
  return judge.judge(request, new AbortController().signal);
}
