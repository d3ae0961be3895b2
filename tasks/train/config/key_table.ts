/**
 * The one table of every key that a training file may have: all 365 of LLaMA-Factory 0.9.5 and our own. The validator,
 * `--help`, `--schema` and docs/config.md are made from it.
 * @module
 */
import { ignoredKeys } from "./ignored_keys.ts";
import type { KeyGroup, KeySpec } from "./key.ts";
import { refusedKeys } from "./refused_keys.ts";
import { workingKeys } from "./working_keys.ts";

/** Headings of the groups, in the order in which they are shown. */
export const GROUP_TITLES: Readonly<Record<KeyGroup, string>> = {
  model: "Model",
  data: "Data",
  training: "Run (transformers' training arguments)",
  finetuning: "Method",
  generating: "Generating",
  own: "Our own",
};

let table: ReadonlyMap<string, KeySpec> | undefined;

/** Every key, in the order in which it is shown. */
export function keyTable(): ReadonlyMap<string, KeySpec> {
  return table ??= sortedTable();
}

function sortedTable(): ReadonlyMap<string, KeySpec> {
  const all: Record<string, KeySpec> = { ...workingKeys(), ...ignoredKeys(), ...refusedKeys() };
  const groups = Object.keys(GROUP_TITLES);
  const states = ["works", "ignored", "refused"];
  return new Map(
    Object.entries(all).sort(([, a], [, b]) =>
      groups.indexOf(a.group) - groups.indexOf(b.group) || states.indexOf(a.state) - states.indexOf(b.state)
    ),
  );
}
