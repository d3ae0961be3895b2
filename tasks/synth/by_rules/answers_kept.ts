/**
 * Answers that the rules prove to keep all constraints, asked for until one does.
 * @module
 */
import { wholeText } from "../answers.ts";
import type { SynthConfig } from "../config.ts";
import { type Draft, DraftDropped, type InstructionParts, type SynthStep } from "../draft.ts";
import { generatorRequest, instructionOf, type Workshop } from "../workshop.ts";
import { refitted } from "./hindsight.ts";

/** An answer that is wanted. */
interface Wanted {
  step: SynthStep;
  /** The instruction. */
  parts: InstructionParts;
  /** Gets answers that broke a constraint. */
  broken: string[];
  /** Why an answer that keeps all constraints won't do; null where it does. */
  fault: (text: string, kept: InstructionParts) => Promise<string | null>;
}

/**
 * An answer that the rules prove to keep all constraints.
 * @returns The answer, and the parts that it keeps: others than the given ones only with `hindsight`
 * @throws {DraftDropped} If none of its tries is one
 */
export async function answerThat(
  shop: Workshop,
  draft: Draft,
  { step, parts, broken, fault }: Wanted,
): Promise<{ text: string; parts: InstructionParts }> {
  let last = { reason: "", example: "" };
  for (let number = 0; number < triesOf(shop.config); number++) {
    const text = await answered(shop, draft, { step, parts, number });
    if (typeof text !== "string") {
      last = { reason: text.reason, example: text.example };
      continue;
    }
    const found = await shop.evaluation.check(shop.asker, { draft, step, parts, response: text });
    const kept = found.kept ? parts : shop.config.hindsight
      ? await refitted(shop, draft, {
        step,
        parts,
        text,
        against: step === "answer to x2" ? draft.y1 : undefined,
      })
      : null;
    const other = kept === null ? null : await fault(text, kept);
    if (kept !== null && other === null) return { text, parts: kept };
    if (!found.kept && found.known) broken.push(text);
    last = found.kept || other !== null
      ? { reason: other ?? "", example: text }
      : { reason: found.reason, example: found.example };
  }
  throw new DraftDropped(
    step,
    `no answer of ${triesOf(shop.config)} keeps the constraints; the last one: ${last.reason}`,
    last.example,
  );
}

/** One try of an answer; what it lacks where it isn't whole. */
export async function answered(
  shop: Workshop,
  draft: Draft,
  { step, parts, number }: { step: SynthStep; parts: InstructionParts; number: number },
): Promise<string | DraftDropped> {
  const request = generatorRequest(
    shop,
    shop.prompts.respond(instructionOf(shop, parts)),
    seedOf(shop, number),
  );
  const completion = await shop.asker.ask({ draft, step, number }, shop.generator, request);
  try {
    return wholeText(completion, step);
  } catch (error) {
    if (error instanceof DraftDropped) return error;
    throw error;
  }
}

/** Tries of an answer: at temperature 0 a second answer would be the first one again. */
export function triesOf({ tries, generator }: Pick<SynthConfig, "tries" | "generator">): number {
  return generator.run_args.temperature === 0 ? 1 : tries;
}

/** Each try has a seed of its own. */
function seedOf({ config }: Workshop, number: number): number {
  return (config.generator.run_args.seed ?? config.seed) + number;
}
