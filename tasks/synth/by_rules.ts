/**
 * Synthesis without a judge (`verify: rules`): constraints come from the bank, answers are asked for until the rules prove that one
 * keeps them, and x2 is drawn until the rules prove that y1 breaks it; then y2 must keep x2 and break x1. Any model will do, as
 * nothing rests on its word.
 *
 * In the paper x2 adds, removes or revises constraints. Rules show that adding or removing alone leaves one answer that fits both
 * inputs, so here each of them also revises another constraint.
 * @module
 */
import { Draws } from "./choose.ts";
import type { SynthConfig } from "./config.ts";
import {
  type Draft,
  DraftDropped,
  type InstructionParts,
  type SynthConstraint,
  type SynthStep,
  type WorseOrigin,
} from "./draft.ts";
import { wholeText } from "./answers.ts";
import type { BankConstraint } from "./rule_bank.ts";
import {
  generatorRequest,
  instructionOf,
  made,
  parts2Of,
  refuseExcluded,
  type Workshop,
} from "./workshop.ts";

/** Draws until something fits, at most. */
const DRAWS = 60;

/**
 * Draws the constraints that the slot wants.
 * @throws {DraftDropped} If the bank has none that fit the seed and each other
 */
export function drawInstruction(shop: Workshop, draft: Draft): void {
  const choose = new Draws(shop.config.seed, draft.id, "constraints");
  const description = draft.seed.text;
  for (let draw = 0; draw < DRAWS; draw++) {
    const constraints: BankConstraint[] = [];
    for (const type of choose.shuffled(draft.slot.types)) {
      const next = shop.bank.draw(type, { description, beside: constraints }, choose);
      if (next === null) break;
      constraints.push(next);
    }
    if (constraints.length < draft.slot.types.length) continue;
    draft.parts = { description, constraints, input: "" };
    draft.x1 = instructionOf(shop, draft.parts);
    return;
  }
  throw new DraftDropped(
    "structure",
    "the bank has no such constraints beside each other",
    draft.slot.types.join(", "),
  );
}

/**
 * The steps behind the check for duplicates.
 * @throws {DraftDropped} If the draft is given up
 */
export async function makeByRules(shop: Workshop, draft: Draft): Promise<void> {
  const { views } = shop.config;
  const parts = made(draft.parts, "parts");
  const broken: string[] = [];
  const first = await answerThat(shop, draft, "answer", parts, broken, () => Promise.resolve(null));
  draft.y1 = first.text;
  draft.parts = first.parts;
  draft.x1 = instructionOf(shop, first.parts);
  if (first.parts !== parts) refuseExcluded(shop, "answer", draft.x1);
  if (views.includes("iopo")) await makeSecond(shop, draft, first.parts, draft.y1);
  if (!views.includes("dpo")) return;
  await makeWorse(shop, draft, first.parts, broken);
}

/** An answer to x1 that the rules prove to break it: a try on the way, one to the bare task, else y2. */
async function makeWorse(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  broken: readonly string[],
): Promise<void> {
  const set = (text: string, origin: WorseOrigin) => {
    draft.worse = text;
    draft.worseOrigin = origin;
  };
  const tried = await firstBroken(shop, parts, broken);
  if (tried !== undefined) return set(tried, "a try at x1 that broke it");
  // y2 would do as well, but teaches DPO only what IOPO without the input preference learns
  const bare = await brokenAnswer(shop, draft, parts);
  if (bare !== undefined) return set(bare, "an answer to the task without its constraints");
  if (draft.y2 !== undefined) return set(draft.y2, "y2, as no other broken answer was found");
  throw new DraftDropped(
    "worse",
    `no answer of ${triesOf(shop.config)} without the constraints breaks one`,
    draft.x1 ?? "",
  );
}

async function makeSecond(shop: Workshop, draft: Draft, parts: InstructionParts, y1: string): Promise<void> {
  draft.constraints2 = await changed(shop, draft, parts, y1);
  const parts2 = parts2Of(draft);
  draft.x2 = instructionOf(shop, parts2);
  refuseExcluded(shop, "exclusion of x2", draft.x2);
  const second = await answerThat(
    shop,
    draft,
    "answer to x2",
    parts2,
    [],
    async (text, kept) =>
      !await breaks(shop, parts, text)
        ? "it keeps x1 too"
        : kept !== parts2 && !await breaks(shop, kept, y1)
        ? "y1 keeps x2 too"
        : null,
  );
  draft.y2 = second.text;
  if (second.parts === parts2) return;
  draft.constraints2 = second.parts.constraints;
  draft.x2 = instructionOf(shop, second.parts);
  refuseExcluded(shop, "exclusion of x2", draft.x2);
}

async function firstBroken(
  shop: Workshop,
  parts: InstructionParts,
  texts: readonly string[],
): Promise<string | undefined> {
  for (const text of texts) if (await breaks(shop, parts, text)) return text;
  return undefined;
}

/**
 * An answer that the rules prove to keep all constraints; what broke one goes to `broken`.
 * @param fault Why an answer that keeps them won't do; null where it does
 * @returns The answer, and the parts that it keeps: others than the given ones only with `hindsight`
 */
async function answerThat(
  shop: Workshop,
  draft: Draft,
  step: SynthStep,
  parts: InstructionParts,
  broken: string[],
  fault: (text: string, kept: InstructionParts) => Promise<string | null>,
): Promise<{ text: string; parts: InstructionParts }> {
  let last = { reason: "", example: "" };
  for (let number = 0; number < triesOf(shop.config); number++) {
    const text = await answered(shop, draft, step, parts, number);
    if (typeof text !== "string") {
      last = { reason: text.reason, example: text.example };
      continue;
    }
    const found = await shop.evaluation.check(shop.asker, draft, step, parts, text);
    const kept = found.kept
      ? parts
      : shop.config.hindsight
      ? await refitted(shop, draft, step, parts, text, step === "answer to x2" ? draft.y1 : undefined)
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

/**
 * The parts with constraints that an answer keeps in place of those that it breaks, of the same types; null where the bank has none.
 *
 * Zhang et al. 2023, "The Wisdom of Hindsight Makes Language Models Better Instruction Followers", arXiv 2302.05206.
 * @param against An answer that should break them, where the bank has such constraints
 */
async function refitted(
  shop: Workshop,
  draft: Draft,
  step: SynthStep,
  parts: InstructionParts,
  text: string,
  against?: string,
): Promise<InstructionParts | null> {
  const choose = new Draws(shop.config.seed, draft.id, step, "hindsight");
  let constraints = [...parts.constraints];
  for (const old of parts.constraints) {
    if (await keeps(shop, parts, old, text)) continue;
    const beside = constraints.filter((one) => one !== old);
    let found: BankConstraint | null = null;
    for (let draw = 0; draw < DRAWS; draw++) {
      const drawn = shop.bank.draw(old.type, { description: parts.description, beside }, choose);
      if (drawn === null) return null;
      if (!await keeps(shop, parts, drawn, text)) continue;
      const apart = against === undefined || !await keeps(shop, parts, drawn, against);
      if (apart || found === null) found = drawn;
      if (apart) break;
    }
    if (found === null) return null;
    const next = found;
    constraints = constraints.map((one) => one === old ? next : one);
  }
  return { ...parts, constraints };
}

async function keeps(
  { evaluation }: Workshop,
  parts: InstructionParts,
  one: SynthConstraint,
  text: string,
): Promise<boolean> {
  return (await evaluation.byRules({ ...parts, constraints: [one] }, text)).every(({ kept }) =>
    kept === true
  );
}

async function answered(
  shop: Workshop,
  draft: Draft,
  step: SynthStep,
  parts: InstructionParts,
  number: number,
): Promise<string | DraftDropped> {
  const request = generatorRequest(
    shop,
    shop.prompts.respond(instructionOf(shop, parts)),
    seedOf(shop, number),
  );
  const completion = await shop.asker.ask(draft, step, number, shop.generator, request);
  try {
    return wholeText(completion, step);
  } catch (error) {
    if (error instanceof DraftDropped) return error;
    throw error;
  }
}

/** At temperature 0 a second answer would be the first one again. */
function triesOf({ tries, generator }: Pick<SynthConfig, "tries" | "generator">): number {
  return generator.run_args.temperature === 0 ? 1 : tries;
}

/** Each try has a seed of its own. */
function seedOf({ config }: Workshop, number: number): number {
  return (config.generator.run_args.seed ?? config.seed) + number;
}

/** Constraints of x2, drawn until the rules prove that y1 breaks one of them. */
async function changed(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  y1: string,
): Promise<SynthConstraint[]> {
  const choose = new Draws(shop.config.seed, draft.id, "change");
  for (let draw = 0; draw < DRAWS; draw++) {
    const constraints = drawChange(shop, draft, parts, y1, choose);
    if (constraints !== null && await breaks(shop, { ...parts, constraints }, y1)) return constraints;
  }
  throw new DraftDropped(
    "change",
    "no change of the constraints was found that y1 breaks",
    instructionOf(shop, parts),
  );
}

function drawChange(
  { bank, taxonomy }: Workshop,
  draft: Draft,
  { description, constraints }: InstructionParts,
  y1: string,
  choose: Draws,
): SynthConstraint[] | null {
  let kept = choose.shuffled(constraints);
  if (draft.slot.operation === "remove") kept = kept.slice(1);
  const [old, ...rest] = kept;
  if (old === undefined) return null;
  // another value of the same rule where it has one, else another rule of the type
  const context = { description, beside: rest, answer: y1 };
  const same = choose.fraction() < 0.7 ? bank.draw(old.type, context, choose, old.rule?.id) : null;
  const other = same !== null && same.text !== old.text ? same : bank.draw(old.type, context, choose);
  if (other === null || other.text === old.text) return null;
  // the rest stands where it stood
  const next: SynthConstraint[] = constraints.filter((one) => one === old || rest.includes(one)).map((one) =>
    one === old ? other : one
  );
  if (draft.slot.operation !== "add") return next;
  const types = Object.keys(taxonomy.types).filter((type) => bank.types.has(type));
  const more = bank.draw(choose.one(types, (type) => taxonomy.types[type]?.weight ?? 0), {
    description,
    beside: next,
    answer: y1,
  }, choose);
  return more === null ? null : [...next, more];
}

/** True if the rules prove that an answer breaks a constraint. */
async function breaks({ evaluation }: Workshop, parts: InstructionParts, text: string): Promise<boolean> {
  return (await evaluation.byRules(parts, text)).some(({ kept }) => kept === false);
}

/** An answer to the task without its constraints that breaks one of them; undefined where no try does. */
async function brokenAnswer(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
): Promise<string | undefined> {
  const plain = { ...parts, constraints: [] };
  for (let number = 0; number < triesOf(shop.config); number++) {
    const text = await answered(shop, draft, "worse", plain, number);
    if (typeof text === "string" && await breaks(shop, parts, text)) return text;
  }
  return undefined;
}
