/**
 * Verdicts of all judges on a draft: quality control, and the check of a group.
 * @module
 */
import type { CompletionRequest } from "../../../plugins/kinds/endpoint.ts";
import { samplingOf } from "../../../plugins/kinds/sampling.ts";
import { readVerdict } from "../answers.ts";
import type { SynthModel } from "../config.ts";
import { type Draft, DraftDropped } from "../draft.ts";
import { made, type Workshop } from "../workshop.ts";
import { ROUNDS } from "./ask.ts";

/**
 * Quality control by two criteria, each asked of every judge.
 * @throws {DraftDropped} If a judge finds the parts incomplete or something twice
 */
export async function controlQuality(shop: Workshop, draft: Draft): Promise<void> {
  const parts = shop.prompts.parts(made(draft.parts, "parts"));
  const [completeness, redundancy] = await Promise.all(
    (["completeness", "redundancy"] as const).map((criterion) => verdicts(shop, draft, criterion, { parts })),
  );
  for (const found of [completeness, redundancy]) {
    if (found !== undefined) shop.agreements[found.step].add(found.passed);
  }
  const [first, second] = [completeness?.passed[0] ?? null, redundancy?.passed[0] ?? null];
  if (first !== null && second !== null) shop.criteria.push([first, second]);
  for (const found of [completeness, redundancy]) if (found !== undefined) refuseFailed(found);
}

/** Verdicts on one question, in the judges' order. */
export interface Verdicts {
  step: "completeness" | "redundancy" | "group";
  /** Null: it can't be read. */
  passed: (boolean | null)[];
  /** Texts of the judges. */
  texts: string[];
}

/**
 * Asks every judge one question, each again while its verdict can't be read.
 * @param step Also the name of the prompt, which `slots` fill
 */
export async function verdicts(
  shop: Workshop,
  draft: Draft,
  step: Verdicts["step"],
  slots: Record<string, string>,
): Promise<Verdicts> {
  const prompt = shop.prompts.fill(step, slots);
  const found: Verdicts = { step, passed: [], texts: [] };
  for (const [i, { endpoint }] of shop.judges.entries()) {
    let passed: boolean | null = null, text = "";
    for (let round = 0; round < ROUNDS && passed === null; round++) {
      const request = judgeRequest(judgeOf(shop, i), prompt);
      const completion = await shop.asker.ask(
        { draft, step, number: `${i}.${round}`, round },
        endpoint,
        request,
      );
      text = completion.text;
      if (completion.outcome === "stop") passed = readVerdict(text);
    }
    found.passed.push(passed);
    found.texts.push(text);
  }
  return found;
}

/** @throws {DraftDropped} If a judge says no, or nothing that can be read. */
export function refuseFailed({ step, passed, texts }: Verdicts): void {
  const i = passed.findIndex((verdict) => verdict !== true);
  if (i < 0) return;
  const reasons = {
    completeness: "something is missing",
    redundancy: "something stands there twice",
    group: "the group isn't sound",
  };
  throw new DraftDropped(
    step,
    passed[i] === null ? "the judge's verdict can't be read" : reasons[step],
    texts[i],
  );
}

function judgeOf({ config }: Workshop, i: number): SynthModel | undefined {
  return [config.judge].flat()[i];
}

function judgeRequest(model: SynthModel | undefined, content: string): CompletionRequest {
  const sampling = model === undefined
    ? { temperature: 0, top_p: 1, max_tokens: 2048 }
    : samplingOf(model.run_args);
  return { ...sampling, messages: [{ role: "user", content }] };
}
