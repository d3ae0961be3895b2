/**
 * Rows that are used and are probably not meant so: counted, and told with the first of them.
 * @module
 */
import type { Example, Message, Source } from "../../../../plugins/kinds/dataset.ts";
import { hasFilledNulls } from "./filled_nulls.ts";
import { sameSides } from "./same_sides.ts";

interface Count {
  count: number;
  first: Source;
  /** The sentence around the count. */
  words: (rows: string, first: string) => string;
}

/** Counts such rows by what is odd. */
export class OddRows {
  readonly #counts = new Map<string, Count>();
  readonly #learnsPrompts: boolean;
  /** Rows of stage kto that are desirable, and that aren't. */
  readonly #wanted = { desirable: 0, undesirable: 0 };

  /** @param learnsPrompts `train_on_prompt` */
  constructor(learnsPrompts: boolean) {
    this.#learnsPrompts = learnsPrompts;
  }

  /** Looks at a row that is used. */
  see(example: Example): void {
    if (example.desirable !== undefined) this.#wanted[example.desirable ? "desirable" : "undesirable"]++;
    const alike = sameSides(example);
    if (alike !== null) {
      const { what, butSpace } = alike;
      this.#add(
        example,
        `${what}${butSpace}`,
        (rows, first) =>
          butSpace
            ? `${rows} the same ${what} but for white space, ${first}: white space is all that is learnt from them`
            : `${rows} the same ${what}, ${first}: there is no preference to learn from, and the loss of such a row never changes`,
      );
    }
    for (const name of emptyAnswers(example)) {
      this.#add(
        example,
        `empty ${name}`,
        (rows, first) =>
          `${rows} an empty ${name}, ${first}: only the end of a turn is learnt there, as in LLaMA-Factory; take such rows out ` +
          "if that isn't meant",
      );
    }
    if (hasFilledNulls(example)) {
      this.#add(
        example,
        "nulls",
        (rows, first) =>
          `${rows} nulls among the arguments of tool calls, the properties of tools or chat_template_kwargs, ${first}: the template gets them, ` +
          "as in TRL and transformers. If datasets filled them in for other rows' arguments, write the set anew with its type Json " +
          '(Dataset.from_list(rows, on_mixed_types="use_json")), or take them out (TRL\'s remove_none_values)',
      );
    }
    if (!this.#learnsPrompts && Object.values(example.prompts).flat().some(isMarkedPrompt)) {
      this.#add(
        example,
        "marked",
        (rows, first) =>
          `${rows} a weight (train, training or loss) on a turn that isn't the model's, ${first}: it does nothing, as only answers ` +
          "are learnt (train_on_prompt: true learns prompts)",
      );
    }
  }

  #add({ source }: Example, key: string, words: Count["words"]): void {
    const known = this.#counts.get(key);
    if (known) known.count++;
    else this.#counts.set(key, { count: 1, first: source, words });
  }

  /** In words, one text for each kind. */
  get warnings(): string[] {
    return [...this.#oneSided(), ...this.#counted()];
  }

  #oneSided(): string[] {
    const { desirable, undesirable } = this.#wanted;
    if (desirable + undesirable === 0 || (desirable > 0 && undesirable > 0)) return [];
    const which = desirable > 0 ? "desirable" : "undesirable";
    return [
      `all ${
        desirable + undesirable
      } rows are ${which}: nothing in them says what is worse or better, so check the kto tags`,
    ];
  }

  #counted(): string[] {
    return [...this.#counts.values()].map(({ count, first, words }) =>
      words(
        `${count} row${count === 1 ? " has" : "s have"}`,
        `the first is row ${first.row} of ${first.file}`,
      )
    );
  }
}

/** Names of a row's answers that have no text and are learnt. */
function emptyAnswers({ shape, prompts, answers }: Example): string[] {
  // they are drawn
  if (shape === "prompt") return [];
  const isEmpty = ({ role, content, thought, learnt }: Message) =>
    role === "assistant" && learnt !== false && thought === undefined && content.trim() === "";
  const last = Object.entries(answers).filter(([name, answer]) => name !== "kl" && isEmpty(answer));
  const names = last.map(([name]) =>
    name === "y" ? "answer" : /^y\d/.test(name) ? `answer ${name}` : `${name} answer`
  );
  const isEarlier = shape === "single" && Object.values(prompts).flat().some(isEmpty);
  return isEarlier && !names.includes("answer") ? [...names, "answer"] : names;
}

function isMarkedPrompt({ role, learnt }: Message): boolean {
  return learnt === true && (role === "user" || role === "tool");
}
