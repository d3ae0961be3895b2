/**
 * Synthesis with judge models (`verify: judge`), the five stages of TRACE and the preference data of IOPO: constraint expansion,
 * instruction structuring, quality control, response generation, response evaluation; then a worse answer for DPO, and x2, y2
 * and the check of the group for IOPO. Constraints with a rule are checked by it.
 *
 * Zhang et al. 2025, arXiv 2411.06208, section 4.1 and appendices B to D. The prompts are ours.
 * @module
 */
import type { CompletionRequest, Endpoint } from "../../plugins/kinds/endpoint.ts";
import { samplingOf } from "../../plugins/kinds/sampling.ts";
import { readChange, readStructure, readVerdict, wholeText, withoutMark } from "./answers.ts";
import { Draws } from "./choose.ts";
import type { SynthModel } from "./config.ts";
import {
  type Draft,
  DraftDropped,
  type InstructionParts,
  type SynthConstraint,
  type SynthStep,
} from "./draft.ts";
import type { PromptName } from "./prompts.ts";
import type { BankConstraint } from "./rule_bank.ts";
import {
  generatorRequest,
  instructionOf,
  made,
  parts2Of,
  refuseExcluded,
  type Workshop,
} from "./workshop.ts";

/** Times that a model is asked, at most, until its answer can be read. */
const ROUNDS = 2;

/**
 * Constraint expansion and instruction structuring: x1 and its parts.
 * @throws {DraftDropped} If the instruction isn't what the slot wants
 */
export async function expandAndStructure(shop: Workshop, draft: Draft): Promise<void> {
  const given = givenConstraints(shop, draft);
  const wanted = missingTypes(draft.slot.types, given);
  const kinds = [
    ...given.map(({ text }) => `word for word: ${text}`),
    ...wanted.map((type) => kindText(shop, draft, type)),
  ];
  const expanded = wholeText(
    await askGenerator(
      shop,
      draft,
      "expand",
      shop.prompts.fill("expand", {
        instruction: draft.seed.text,
        kinds: kinds.map((kind) => `- ${kind}`).join("\n"),
        count: String(kinds.length),
      }),
    ),
    "expand",
  );
  const { description, constraints, input } = await structured(shop, draft, expanded);
  draft.parts = {
    description,
    constraints: matched(shop, draft, given, constraints),
    input,
  };
  draft.x1 = instructionOf(shop, draft.parts);
}

/** Constraints of the bank that go in word for word. */
function givenConstraints(shop: Workshop, draft: Draft): BankConstraint[] {
  const { config, bank } = shop;
  const choose = new Draws(config.seed, draft.id, "constraints");
  const given: BankConstraint[] = [];
  for (const type of draft.slot.types) {
    if (!bank.types.has(type) || choose.fraction() >= config.rules_share) continue;
    const drawn = bank.draw(type, { description: draft.seed.text, beside: given }, choose);
    if (drawn !== null) given.push(drawn);
  }
  return given;
}

/** Types that are left when the given constraints are taken off. */
function missingTypes(types: readonly string[], given: readonly BankConstraint[]): string[] {
  const left = [...types];
  for (const { type } of given) left.splice(left.indexOf(type), 1);
  return left;
}

function kindText({ config, taxonomy }: Workshop, draft: Draft, type: string): string {
  const dimensions = Object.entries(taxonomy.types[type]?.dimensions ?? {});
  const choose = new Draws(config.seed, draft.id, "dimension", type);
  const [name, { meaning }] = choose.one(dimensions, ([, { weight }]) => weight);
  return `${type}, ${name}: ${meaning}`;
}

async function structured(shop: Workshop, draft: Draft, expanded: string) {
  const prompt = shop.prompts.fill("structure", {
    instruction: expanded,
    types: Object.keys(shop.taxonomy.types).join(", "),
  });
  let text = "";
  for (let round = 0; round < ROUNDS; round++) {
    text = wholeText(await askGenerator(shop, draft, "structure", prompt, round), "structure");
    const read = readStructure(text);
    if (read === null) continue;
    if (read.constraints.length === 0) {
      throw new DraftDropped(
        "structure",
        "the instruction was found to be poor, or without constraints",
        expanded,
      );
    }
    return read;
  }
  throw new DraftDropped("structure", "the answer isn't the JSON asked for", text);
}

/** The constraints with their types and rules; the types are what the slot wants, in any order. */
function matched(
  { taxonomy }: Workshop,
  draft: Draft,
  given: readonly BankConstraint[],
  constraints: readonly { type: string; text: string }[],
): SynthConstraint[] {
  const found = constraints.map(({ type, text }): SynthConstraint => {
    const plain = withoutMark(text);
    const own = given.find((one) => folded(one.text) === folded(plain));
    if (own !== undefined) return own;
    const known = Object.keys(taxonomy.types).find((name) =>
      name.toLowerCase() === type.trim().toLowerCase()
    );
    if (known === undefined) {
      throw new DraftDropped("structure", "a type that isn't in the taxonomy", `${type}: ${text}`);
    }
    return { text: plain, type: known, dimension: "" };
  });
  const lost = given.find((one) => !found.includes(one));
  if (lost !== undefined) {
    throw new DraftDropped("structure", "a constraint that was given was changed or left out", lost.text);
  }
  const types = (list: readonly string[]) => [...list].sort().join(", ");
  const wanted = types(draft.slot.types), got = types(found.map(({ type }) => type));
  if (wanted !== got) {
    const reason = found.length === draft.slot.types.length
      ? "other types than wanted"
      : "another number of constraints than wanted";
    throw new DraftDropped("structure", reason, `wanted ${wanted}; got ${got}`);
  }
  return found;
}

function folded(text: string): string {
  return text.toLowerCase().replaceAll(/[\s.]+/g, " ").trim();
}

/**
 * Quality control by two criteria, each asked of every judge.
 * @throws {DraftDropped} If a judge finds the parts incomplete or something twice
 */
export async function controlQuality(shop: Workshop, draft: Draft): Promise<void> {
  const parts = shop.prompts.parts(made(draft.parts, "parts"));
  const [completeness, redundancy] = await Promise.all(
    (["completeness", "redundancy"] as const).map((criterion) =>
      verdicts(shop, draft, criterion, criterion, { parts })
    ),
  );
  for (const found of [completeness, redundancy]) {
    if (found !== undefined) shop.agreements[found.step].add(found.passed);
  }
  const [first, second] = [completeness?.passed[0] ?? null, redundancy?.passed[0] ?? null];
  if (first !== null && second !== null) shop.criteria.push([first, second]);
  for (const found of [completeness, redundancy]) if (found !== undefined) refuseFailed(found);
}

interface Verdicts {
  step: "completeness" | "redundancy" | "group";
  passed: (boolean | null)[];
  texts: string[];
}

async function verdicts(
  shop: Workshop,
  draft: Draft,
  step: Verdicts["step"],
  name: PromptName,
  slots: Record<string, string>,
): Promise<Verdicts> {
  const prompt = shop.prompts.fill(name, slots);
  const found: Verdicts = { step, passed: [], texts: [] };
  for (const [i, { endpoint }] of shop.judges.entries()) {
    let passed: boolean | null = null, text = "";
    for (let round = 0; round < ROUNDS && passed === null; round++) {
      const request = judgeRequest(judgeOf(shop, i), prompt);
      const completion = await shop.asker.ask(draft, step, `${i}.${round}`, endpoint, request, round);
      text = completion.text;
      if (completion.outcome === "stop") passed = readVerdict(text);
    }
    found.passed.push(passed);
    found.texts.push(text);
  }
  return found;
}

/** @throws {DraftDropped} If a judge says no, or nothing that can be read. */
function refuseFailed({ step, passed, texts }: Verdicts): void {
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

/**
 * The steps behind the check for duplicates: answers, their evaluation, preference data.
 * @throws {DraftDropped} If the draft is given up
 */
export async function makeByJudge(shop: Workshop, draft: Draft): Promise<void> {
  const { views } = shop.config;
  const parts = made(draft.parts, "parts"), x1 = made(draft.x1, "x1");
  draft.y1 = await response(shop, draft, "answer", x1);
  await refuseUnlessKept(shop, draft, "evaluation", parts, draft.y1);
  if (views.includes("dpo")) await makeWorse(shop, draft, parts, draft.y1);
  if (views.includes("iopo")) await makeSecond(shop, draft, parts, x1, draft.y1);
}

async function response(shop: Workshop, draft: Draft, step: SynthStep, instruction: string): Promise<string> {
  return wholeText(await askGenerator(shop, draft, step, shop.prompts.respond(instruction)), step);
}

async function refuseUnlessKept(
  shop: Workshop,
  draft: Draft,
  step: SynthStep,
  parts: InstructionParts,
  text: string,
): Promise<void> {
  const found = await shop.evaluation.check(shop.asker, draft, step, parts, text);
  if (!found.kept) throw new DraftDropped(step, found.reason, found.example);
}

async function refuseIfKept(
  shop: Workshop,
  draft: Draft,
  step: SynthStep,
  parts: InstructionParts,
  text: string,
  reason: string,
) {
  const found = await shop.evaluation.check(shop.asker, draft, step, parts, text);
  if (found.kept) throw new DraftDropped(step, reason, text);
  if (!found.known) throw new DraftDropped(step, found.reason, found.example);
}

async function makeWorse(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  answer: string,
): Promise<void> {
  const prompt = shop.prompts.fill("worse", { parts: shop.prompts.parts(parts), answer });
  const text = wholeText(await askGenerator(shop, draft, "worse", prompt), "worse");
  if (text === answer) throw new DraftDropped("worse", "the same answer again", text);
  await refuseIfKept(shop, draft, "worse", parts, text, "it keeps all constraints too");
  draft.worse = text;
  draft.worseOrigin = "written to be worse";
}

async function makeSecond(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  x1: string,
  y1: string,
): Promise<void> {
  draft.constraints2 = await changed(shop, draft, parts, y1);
  const parts2 = parts2Of(draft);
  draft.x2 = instructionOf(shop, parts2);
  refuseExcluded(shop, "exclusion of x2", draft.x2);
  draft.y2 = await response(shop, draft, "answer to x2", draft.x2);
  await refuseUnlessKept(shop, draft, "evaluation of y2", parts2, draft.y2);
  if (shop.config.cross_check) {
    await refuseIfKept(shop, draft, "cross-check", parts2, y1, "y1 keeps x2 too");
    await refuseIfKept(shop, draft, "cross-check", parts, draft.y2, "y2 keeps x1 too");
  }
  const found = await verdicts(shop, draft, "group", "group", {
    instruction: x1,
    answer: y1,
    instruction2: draft.x2,
    answer2: draft.y2,
  });
  shop.agreements.group.add(found.passed);
  refuseFailed(found);
}

async function changed(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  answer: string,
): Promise<SynthConstraint[]> {
  const { operation } = draft.slot;
  const prompt = shop.prompts.fill(`change_${operation}`, { parts: shop.prompts.parts(parts), answer });
  let text = "";
  for (let round = 0; round < ROUNDS; round++) {
    text = wholeText(await askGenerator(shop, draft, "change", prompt, round), "change");
    const read = readChange(text);
    if (read === null) continue;
    const next = read.map((one): SynthConstraint =>
      parts.constraints.find((old) => folded(old.text) === folded(one)) ??
        { text: one, type: "", dimension: "" }
    );
    refuseOtherOperation(operation, parts.constraints, next);
    return next;
  }
  throw new DraftDropped("change", "the answer isn't the JSON asked for", text);
}

function refuseOtherOperation(
  operation: Draft["slot"]["operation"],
  before: readonly SynthConstraint[],
  after: readonly SynthConstraint[],
): void {
  const more = after.length - before.length, same = before.every((one) => after.includes(one));
  const fits = operation === "add" ? more > 0 : operation === "remove" ? more < 0 : more === 0 && !same;
  if (fits) return;
  throw new DraftDropped(
    "change",
    `not what ${operation} asks for`,
    after.map(({ text }) => text).join("\n"),
  );
}

function askGenerator(shop: Workshop, draft: Draft, step: SynthStep, content: string, round = 0) {
  const { generator }: { generator: Endpoint } = shop;
  return shop.asker.ask(draft, step, `${round}`, generator, generatorRequest(shop, content), round);
}
