/**
 * The key table as people and editors read it: `--help`, docs/config.md and a JSON schema.
 * @module
 */
import { z } from "zod";

import { HELP_WIDTH } from "../../common/cli/help_lines.ts";
import { type KeyGroup, type KeySpec, REQUIRED } from "./key.ts";
import { GROUP_TITLES, keyTable } from "./key_table.ts";

/** Every key of a table: its type, meaning and default; by default those of `deno task train --help all`. */
export function helpText(table = keyTable()): string {
  const lines: string[] = [];
  for (const [group, keys] of byGroup(table)) {
    lines.push("", GROUP_TITLES[group]);
    lines.push(...keyLines(keys.filter(([, spec]) => spec.state === "works")));
    for (const state of ["ignored", "refused"] as const) {
      const some = keys.filter(([, spec]) => spec.state === state);
      if (some.length === 0) continue;
      lines.push(
        state === "ignored"
          ? "  accepted, without effect:"
          : "  refused unless at a value that changes nothing:",
      );
      lines.push(...wrap(some.map(([key]) => key).join(", "), 6));
    }
  }
  lines.push("", "--help KEY says of each of the last two kinds why.");
  return lines.join("\n").trimStart();
}

/** A key, and below it its meaning, type and default; two columns of a terminal are free at the left. */
export function keyLines(keys: readonly (readonly [string, KeySpec])[]): string[] {
  return keys.flatMap((
    [key, spec],
  ) => [`  ${key}`, ...wrap(`${meaning(spec)} [${words(spec)}; ${defaultText(spec)}]`, 6)]);
}

/** docs/config.md. */
export function markdownPage(): string {
  const table = keyTable();
  const count = (state: KeySpec["state"]) =>
    [...table.values()].filter((spec) => spec.state === state).length;
  const lines = [
    "# Keys of a training file",
    "",
    "<!-- Made by docs/make_config.ts from tasks/train/config/: don't edit. -->",
    "",
    "A training file is YAML or JSON with LLaMA-Factory's keys (all 365 of version 0.9.5) and our own. `key=value` arguments",
    "override it, with dots inside of a map (`loss_options.beta=0.2`). Every key is in one of three states; none is silently ignored:",
    "",
    `- **works** (${count("works")}): does what it says.`,
    `- **no effect** (${
      count("ignored")
    }): accepted, because it can't change the result; a run says so once, with the reason.`,
    `- **refused** (${
      count("refused")
    }): ignoring it would change the result; the error says what to use instead. Values that`,
    "  mean what happens here anyway are accepted, so a file that spells out every default still runs.",
    "",
    "A key that works and does nothing beside the others (`warmup_ratio` beside `warmup_steps`, `lora_rank` with `finetuning_type: full`) is",
    "told at the start. `${…}`, which LLaMA-Factory's loader fills in, and `~` or `$HOME` at the start of a path are refused.",
    "",
    "Relative paths of what is read (`model_name_or_path`, `adapter_name_or_path`, `ref_model`, `dataset_dir`, data files) are looked for beside the",
    "file that has them, then in the current folder, as LLaMA-Factory's files mean them; those in `plugins` only beside the file. What is",
    "written (`output_dir`, caches, logs) goes into the current folder. Paths of arguments start at the current folder. `!include",
    "other.yaml` puts another file in.",
    "",
    "The reference of stages dpo, kto and iopo is LLaMA-Factory's. With LoRA it is the model without the adapter that is trained: of an adapter",
    "that is trained on (`adapter_name_or_path`) that is the model below it, and not the adapter as it began, while adapters that are merged (all but",
    "the last; all with `create_new_adapter`) belong to it. With `finetuning_type: full` or `freeze` it is the model as it begins. `ref_model` with",
    "`ref_model_adapters` names any other: to train an SFT adapter on and hold it to itself, `ref_model: BASE` and `ref_model_adapters: SFT`.",
    "Where it names the model that is trained itself, in the same number of bits, LoRA on the local trainer has no pass of its own, as without the key, and a note says so.",
  ];
  for (const [group, keys] of byGroup(table)) {
    lines.push("", `## ${GROUP_TITLES[group]}`);
    const part = (
      state: KeySpec["state"],
      head: string[],
      cells: (key: string, spec: KeySpec) => string[],
    ) => {
      const rows = keys.filter(([, spec]) => spec.state === state).map(([key, spec]) => cells(key, spec));
      if (rows.length > 0) lines.push("", row(head), row(head.map(() => "---")), ...rows.map(row));
    };
    part("works", ["key", "type", "default", "meaning"], (key, spec) => [
      `\`${key}\``,
      words(spec),
      defaultText(spec).replace(/^default: /, ""),
      meaning(spec) + refusedText(spec),
    ]);
    part(
      "ignored",
      ["no effect", "why"],
      (key, spec) => [`\`${key}\``, spec.state === "ignored" ? spec.reason : ""],
    );
    part(
      "refused",
      ["refused", "accepted values", "why", "instead"],
      (key, spec) =>
        spec.state === "refused"
          ? [`\`${key}\``, spec.accepted.map(valueText).join(", "), spec.reason, spec.instead]
          : [],
    );
  }
  return lines.join("\n") + "\n";
}

/** JSON schema of a training file, for editors (`# yaml-language-server: $schema=...`). */
export function jsonSchema(): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  const required: string[] = [];
  for (const [key, spec] of keyTable()) {
    if (spec.state === "works") {
      const { $schema: _, ...type } = z.toJSONSchema(spec.type.schema, {
        io: "input",
        unrepresentable: "any",
      });
      properties[key] = {
        ...type,
        description: `${meaning(spec)} (${defaultText(spec)})`,
        ...(spec.default === REQUIRED || spec.default === null ? {} : { default: spec.default }),
      };
      if (spec.default === REQUIRED) required.push(key);
    } else if (spec.state === "ignored") {
      properties[key] = { description: `No effect here: ${spec.reason}` };
    } else {
      properties[key] = {
        description: `Refused, as ${spec.reason}: ${spec.instead}`,
        enum: spec.accepted,
        deprecated: true,
      };
    }
  }
  properties.provenance = { type: "object", description: "What a run was made of; written into run.yaml" };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Dinotune training file",
    type: "object",
    additionalProperties: false,
    required,
    properties,
  };
}

function byGroup(table: ReadonlyMap<string, KeySpec>): [KeyGroup, [string, KeySpec][]][] {
  const groups = new Map<KeyGroup, [string, KeySpec][]>();
  for (const entry of table) {
    const { group } = entry[1];
    groups.set(group, [...groups.get(group) ?? [], entry]);
  }
  return [...groups];
}

function meaning(spec: KeySpec): string {
  return spec.state === "works" ? spec.description : spec.reason;
}

function words(spec: KeySpec): string {
  return spec.state === "works" ? spec.type.words : "";
}

function refusedText(spec: KeySpec): string {
  if (spec.state !== "works" || !spec.refused) return "";
  const byReason = new Map<string, string[]>();
  for (const [value, reason] of Object.entries(spec.refused)) {
    byReason.set(reason, [...byReason.get(reason) ?? [], `\`${value}\``]);
  }
  return [...byReason].map(([reason, values]) => `. Refused: ${values.join(", ")} (${reason})`).join("");
}

function defaultText(spec: KeySpec): string {
  if (spec.state === "works" && spec.default === REQUIRED) return "must be given";
  if (spec.state === "works" && spec.derived) return `default: ${spec.derived}`;
  return `default: ${valueText(spec.default)}`;
}

function valueText(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "[]" : value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function wrap(text: string, indent: number, width = HELP_WIDTH): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line && line.length + 1 + word.length > width - indent) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line].map((part) => " ".repeat(indent) + part);
}
