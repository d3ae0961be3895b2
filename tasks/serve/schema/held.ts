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
  return new SchemaRules(root).grammar(place);
}

/** A schema within another one. */
interface Nested {
  place: string;
  /** Schemas around it. */
  depth: number;
}

/** Rules of one schema and all that it holds. A rule is null where no value fits its schema. */
class SchemaRules {
  readonly #rules = new Rules();
  readonly #choices: Choices;
  /** Rules of `$ref`s. */
  readonly #references = new Map<string, string | null>();

  constructor(private readonly root: unknown) {
    this.#choices = new Choices(root);
  }

  grammar(place: string): string {
    const top = this.#rule(this.root, { place, depth: 0 });
    return top === null ? refuse(place)("no value fits it") : this.#rules.grammar(top);
  }

  /** The rule of a schema, under a name of its own unless it has one. */
  #rule(schema: unknown, nested: Nested): string | null {
    const no = refuse(nested.place);
    if (nested.depth > DEPTH) no(`schemas within each other are followed ${DEPTH} deep`);
    try {
      const body = this.#body(schema, nested);
      return body === null || /^r\d+$/.test(body) ? body : this.#rules.add(body);
    } catch (error) {
      if (error instanceof MaskError) throw error;
      if (error instanceof RangeError && /call stack/.test(error.message)) {
        return no("it has more parts than can be followed; use fewer properties");
      }
      if (error instanceof GrammarTooLarge || error instanceof RangeError) return no(error.message);
      throw error;
    }
  }

  #body(schema: unknown, { place, depth }: Nested): string | null {
    if (schema === true) return this.#rules.value;
    if (schema === false) return null;
    const fields = keywordsOf(schema, place), names = Object.keys(fields);
    const [only = ""] = names, inside = depth + 1;
    if (names.length === 1 && only === "$ref") {
      return this.#reference(fields["$ref"] as string, { place, depth: inside });
    }
    if (names.length === 1 && ["anyOf", "oneOf", "allOf"].includes(only)) {
      const list = fields[only] as unknown[];
      if (only === "oneOf") this.#choices.checkApart(list, place);
      if (only !== "allOf" || list.length === 1) {
        return anyOf(
          list.map((one, i) => this.#rule(one, { place: `${place}.${only}[${i}]`, depth: inside })),
        );
      }
    }
    const all = this.#choices.of(schema, place);
    return anyOf(all.map((choice) => this.#choiceBody(choice, { place, depth: inside }, all.length === 1)));
  }

  #choiceBody(choice: JsonObject, { place, depth }: Nested, isAlone: boolean): string | null {
    const no = refuse(place);
    if (choice["enum"] !== undefined) {
      const values = listedValues(choice, no);
      if (values.length === 0 && isAlone) no("no value fits it");
      return anyOf(values.map((value) => terminal(written(value))));
    }
    const within: Within = {
      rules: this.#rules,
      refuse: no,
      inner: (schema, step) => this.#rule(schema, { place: `${place}${step}`, depth }),
      choices: (schema, step) => this.#choices.of(schema, `${place}${step}`),
    };
    const types = typesOf(choice, no);
    const body = types.length === 0
      ? this.#rules.value
      : anyOf(types.map((type) => ruleOfType(type, choice, within)));
    if (body === null && isAlone) no("no value fits it: see its bounds, lengths and required members");
    return body;
  }

  #reference(pointer: string, { place, depth }: Nested): string | null {
    const known = this.#references.get(pointer);
    if (known !== undefined) return known;
    const target = this.#choices.target(pointer, place);
    if (isEndless(target, this.root)) refuse(place)(`${pointer} needs itself, so that no answer ends`);
    const name = this.#rules.reserve();
    this.#references.set(pointer, name);
    const rule = this.#rule(target, { place, depth });
    if (rule === null) this.#references.set(pointer, null);
    return rule === null ? null : this.#rules.define(name, rule);
  }
}

/** Types of a schema; where none is given, the one that its keywords speak of. Empty: any. */
function typesOf(choice: JsonObject, no: (what: string) => never): string[] {
  const types = choice["type"] as string[] | undefined;
  if (types !== undefined) return types.filter((type) => type !== "integer" || !types.includes("number"));
  const spokenOf = Object.keys(OF_TYPE).filter((name) =>
    name !== "integer" && Object.keys(choice).some((keyword) => OF_TYPE[name]?.includes(keyword))
  );
  return spokenOf.length < 2 ? spokenOf : no("it needs a type");
}
