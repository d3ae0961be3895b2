/**
 * A generator and a judge that follow a script, for tests: they know each prompt by its first words.
 * @module
 */
import { join } from "@std/path";

import { type MockRequest } from "../bench/eval/mock_server.ts";
import { parseSettings } from "../common/config/settings.ts";
import { type SynthConfig, SynthOptions } from "./config.ts";

/** Faults of the script: shares of drafts, in [0, 1], decided by their seeds. */
export interface Script {
  /** Parts that are found incomplete. */
  incomplete?: number;
  /** Answers that lack full scores. */
  flawed?: number;
  /** Expansions with a constraint too few. */
  short?: number;
  /** Groups that aren't sound. */
  unsound?: number;
}

/** The script's answer. */
export function scriptedText({ body }: Pick<MockRequest, "body">, script: Script = {}): string {
  const prompt = body.messages.at(-1)?.content ?? "";
  const seed = Number(/subject (\d+)/.exec(prompt)?.[1] ?? 0);
  const happens = (share = 0, salt: number) => ((seed * 7919 + salt * 104729) % 1000) / 1000 < share;
  const between = fenced(prompt);
  if (prompt.startsWith("You make instructions")) {
    const kinds = [...prompt.matchAll(/^- (?:word for word: (.+)|(\w+), ([^:]+): .+)$/gm)];
    const lines = kinds.map(([, given, type, dimension], i) =>
      given === undefined ? `- ${type} demand ${i + 1} of ${dimension} on subject ${seed}.` : `- ${given}`
    );
    return [between[0], ...happens(script.short, 1) ? lines.slice(1) : lines].join("\n");
  }
  if (prompt.startsWith("You take instructions apart")) {
    const [description, ...lines] = (between[0] ?? "").split("\n");
    const constraints = lines.map((line) => ({
      type: /^- (\w+) demand/.exec(line)?.[1] ?? "Content",
      text: line.slice(2),
    }));
    return `Here it is:\n${JSON.stringify({ description, constraints, input: "NULL" })}`;
  }
  if (/^You check how.*complete:/s.test(prompt)) return verdict(!happens(script.incomplete, 2));
  if (prompt.startsWith("You check how")) return verdict(true);
  if (prompt.startsWith("You get two instructions")) return verdict(!happens(script.unsound, 3));
  if (prompt.includes("less well")) return `A careless answer on subject ${seed}.`;
  if (prompt.includes("Change the constraints so")) {
    const old = [...prompt.matchAll(/^\d+\. (.+)$/gm)].map(([, text]) => text ?? "").filter((text) =>
      /subject|Use the word/.test(text)
    );
    const other = `A new demand on subject ${seed}.`;
    const next = prompt.includes("one or more new demands")
      ? [...old, other]
      : prompt.includes("Take part of")
      ? [...old.slice(2), other].slice(0, old.length - 1)
      : [...old.slice(1), other];
    return JSON.stringify({ constraints: next });
  }
  if (prompt.startsWith("You are an impartial assessor")) {
    const asked = [...prompt.slice(prompt.indexOf("Now assess")).matchAll(/^(\d+\. .+)$/gm)].map(([, text]) =>
      text ?? ""
    );
    const answer = between.at(-1) ?? "";
    const flawed = answer.includes("careless") ||
      (happens(script.flawed, 4) && !answer.includes("new demand"));
    const scores = Object.fromEntries(asked.map((text, i) => [text, flawed && i === 0 ? 7 : 10]));
    return `Fine Grained Score: [${JSON.stringify(scores)}]\nConstraints Overall Score: [[${
      flawed ? 7 : 10
    }]]`;
  }
  return `I took care of all of this: ${prompt}`;
}

function verdict(pass: boolean): string {
  return `I looked at it.\nVERDICT: ${pass ? "PASS" : "FAIL"}`;
}

/** Texts between two lines of equals signs with the same mark. */
function fenced(prompt: string): string[] {
  return [...prompt.matchAll(/^===== (\w+) =====\n([\s\S]*?)\n===== \1 =====$/gm)].map(([, , text]) =>
    text ?? ""
  )
    .filter((text) => !text.startsWith("Dear class"));
}

/** Seeds whose texts share little. */
export function seedsText(count: number): string {
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 6 }, (_, w) => `w${(i * 31 + w * 17 + w * w * i) % 9973}x${i}`).join(
      " ",
    );
    return JSON.stringify({ instruction: `Write about subject ${i}: ${words}.` }) + "\n";
  }).join("");
}

/** A configuration of a generator and judges behind `base`, with seeds in `folder`. */
export function scriptedConfig(
  folder: string,
  base: string,
  more: Record<string, unknown> = {},
): SynthConfig {
  const model = (name: string) => ({
    type: "openai",
    args: { name, api_base: base, key: "none", prices: { input: 1, output: 2 } },
  });
  const value = {
    rows: 20,
    out_dir: join(folder, "run"),
    seeds: { path: join(folder, "seeds.jsonl") },
    generator: model("writer"),
    judge: model("judge"),
    counts: { 1: 1, 2: 2, 3: 1 },
    rules_share: 0,
    cache: false,
    ...more,
  };
  return parseSettings(SynthOptions, { value, placeOf: () => "test" }, "synth");
}
