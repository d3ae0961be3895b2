/**
 * Constraint expansion and instruction structuring: from a seed to an instruction x1, its parts and their types.
 * @module
 */
import { readStructure, wholeText, withoutMark } from "../answers.ts";
import { Draws } from "../choose.ts";
import { type Draft, DraftDropped, type SynthConstraint } from "../draft.ts";
import type { BankConstraint } from "../rule_bank.ts";
import { instructionOf, type Workshop } from "../workshop.ts";
import { askGenerator, ROUNDS } from "./ask.ts";

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
    await askGenerator(shop, draft, {
      step: "expand",
      content: shop.prompts.fill("expand", {
        instruction: draft.seed.text,
        kinds: kinds.map((kind) => `- ${kind}`).join("\n"),
        count: String(kinds.length),
      }),
    }),
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
    text = wholeText(
      await askGenerator(shop, draft, { step: "structure", content: prompt, round }),
      "structure",
    );
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

/** A text as it is compared: letters in lower case, spaces and full stops as one space. */
export function folded(text: string): string {
  return text.toLowerCase().replaceAll(/[\s.]+/g, " ").trim();
}
