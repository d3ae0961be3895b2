/**
 * The grammar of a JSON schema. The grammar library's own reading passes over what it doesn't know and gets some of the rest
 * wrong, so rules are made here, and what they can't hold an answer to is refused by name.
 * @module
 */
import { MaskError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { Choices, keywordsOf, refuse } from "./choices.ts";
import type { JsonObject } from "./json.ts";
import { OF_TYPE } from "./keywords.ts";
import { anyOf, GrammarTooLarge, Rules, terminal, written } from "./rules.ts";
import { isEndless } from "./endless.ts";
import { listedValues } from "./listed.ts";
import { ruleOfType } from "./types.ts";
import type { Within } from "./within.ts";

const DEPTH = 100;

/**
 * The grammar of answers that fit a schema, in XGrammar's EBNF: it takes nothing that the schema doesn't.
 * @param root A schema, decoded from JSON
 * @param place Of the schema, for errors
 * @throws {MaskError} With the place and the keyword that can't be followed
 */
export function heldGrammar(root: unknown, place: string): string {
  const rules = new Rules(), choices = new Choices(root);
  /** Rules of `$ref`s; null: no value fits. */
  const references = new Map<string, string | null>();
  const top = rule(root, place);
  return top === null ? refuse(place)("no value fits it") : rules.grammar(top);

  /** The rule of a schema; null: no value fits it. */
  function rule(schema: unknown, place: string, depth = 0): string | null {
    const no = refuse(place);
    if (depth > DEPTH) no(`schemas within each other are followed ${DEPTH} deep`);
    try {
      const made = body(schema, place, depth);
      return made === null || /^r\d+$/.test(made) ? made : rules.add(made);
    } catch (error) {
      if (error instanceof MaskError) throw error;
      if (error instanceof RangeError && /call stack/.test(error.message)) {
        return no("it has more parts than can be followed; use fewer properties");
      }
      if (error instanceof GrammarTooLarge || error instanceof RangeError) return no(error.message);
      throw error;
    }
  }

  function body(schema: unknown, place: string, depth: number): string | null {
    if (schema === true) return rules.value;
    if (schema === false) return null;
    const fields = keywordsOf(schema, place), names = Object.keys(fields);
    const [only = ""] = names, inside = depth + 1;
    if (names.length === 1 && only === "$ref") return reference(fields["$ref"] as string, place, inside);
    if (names.length === 1 && ["anyOf", "oneOf", "allOf"].includes(only)) {
      const list = fields[only] as unknown[];
      if (only === "oneOf") choices.checkApart(list, place);
      if (only !== "allOf" || list.length === 1) {
        return anyOf(list.map((one, i) => rule(one, `${place}.${only}[${i}]`, inside)));
      }
    }
    const all = choices.of(schema, place);
    return anyOf(all.map((choice) => ofChoice(choice, { place, inside, isAlone: all.length === 1 })));
  }

  function ofChoice(
    choice: JsonObject,
    { place, inside, isAlone }: { place: string; inside: number; isAlone: boolean },
  ): string | null {
    const no = refuse(place);
    if (choice["enum"] !== undefined) {
      const values = listedValues(choice, no);
      if (values.length === 0 && isAlone) no("no value fits it");
      return anyOf(values.map((value) => terminal(written(value))));
    }
    const within: Within = {
      rules,
      refuse: no,
      inner: (schema, step) => rule(schema, `${place}${step}`, inside),
      choices: (schema, step) => choices.of(schema, `${place}${step}`),
    };
    const types = typesOf(choice, no);
    const made = types.length === 0
      ? rules.value
      : anyOf(types.map((type) => ruleOfType(type, choice, within)));
    if (made === null && isAlone) no("no value fits it: see its bounds, lengths and required members");
    return made;
  }

  function reference(pointer: string, place: string, depth: number): string | null {
    const known = references.get(pointer);
    if (known !== undefined) return known;
    const target = choices.target(pointer, place);
    if (isEndless(target, root)) refuse(place)(`${pointer} needs itself, so that no answer ends`);
    const name = rules.reserve();
    references.set(pointer, name);
    const made = rule(target, place, depth);
    if (made === null) references.set(pointer, null);
    return made === null ? null : rules.define(name, made);
  }
}

/** Types of a schema; where none is given, the one that its keywords speak of. Empty: any. */
function typesOf(choice: JsonObject, no: (what: string) => never): string[] {
  const types = choice["type"] as string[] | undefined;
  if (types !== undefined) return types.filter((type) => type !== "integer" || !types.includes("number"));
  const found = Object.keys(OF_TYPE).filter((name) =>
    name !== "integer" && Object.keys(choice).some((keyword) => OF_TYPE[name]?.includes(keyword))
  );
  return found.length < 2 ? found : no("it needs a type");
}
