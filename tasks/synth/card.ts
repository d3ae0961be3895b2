/**
 * The card of a data set: a README.md with front matter as the hub reads it.
 * @module
 */
import { stringify } from "yaml";

import { redactValue } from "../../formats/secrets.ts";
import { markdownTable, markdownText as plain } from "../common/report/table.ts";
import type { SynthModels, SynthPlan } from "./open_shop.ts";
import type { Results } from "./results.ts";
import { worseOriginLines } from "./report/text.ts";
import { shareTable } from "./report/tables.ts";

/** README.md of the data set, with the metadata block that the hub reads. */
export function cardText(plan: SynthPlan, models: SynthModels, results: Results, version: string): string {
  const { config, prompts, taxonomy, bank } = plan.parts;
  const front = {
    license: config.license,
    pretty_name: config.name,
    tags: ["synthetic", "instruction-following", ...config.views],
    configs: config.views.map((view) => ({
      config_name: view,
      data_files: `${config.name}_${view}.jsonl`,
    })),
  };
  const given = config.verify === "rules"
    ? [config.generator]
    : [config.generator, ...[config.judge ?? []].flat()];
  return [
    "---",
    stringify(front).trimEnd(),
    "---",
    "",
    `# ${plain(config.name)}`,
    "",
    `${results.rows.made} synthetic instructions with constraints, made by Dinotune ${
      plain(version)
    } (\`deno task synth\`).`,
    config.verify === "rules"
      ? "Every constraint is checked by a rule: each answer was kept because the rules prove that it keeps its constraints, and each " +
        "x2 because they prove that y1 breaks it and that y2 breaks x1. No judge model was asked."
      : "Constraints with a rule were checked by it, all others by judge models; answers with full scores only were kept.",
    "",
    "## Models",
    "",
    ...given.map((model, i) =>
      `- ${i === 0 ? "generator" : "judge"}: ${
        plain([models.generator, ...models.judges.map(({ endpoint }) => endpoint)][i]?.model ?? model.type)
      } (endpoint ${plain(model.type)}), sampling \`${JSON.stringify(redactValue(model.run_args))}\``
    ),
    ...config.verify === "judge" && config.judge === undefined
      ? ["- judge: the generator, at temperature 0"]
      : [],
    "",
    "The terms of these models hold for what they wrote.",
    "",
    "## Licences",
    "",
    `- data set: ${plain(config.license)}`,
    `- seeds: ${
      plain(
        config.seeds.license ?? (config.seeds.path === undefined
          ? "Apache-2.0 (bundled with Dinotune)"
          : "not stated (seeds.license)"),
      )
    }`,
    `- taxonomy: ${plain(taxonomy.name)}; rules: ${plain(bank.name)}`,
    "",
    "## Constraints",
    "",
    ...markdownTable(shareTable("constraints a row", results.counts)),
    "",
    ...markdownTable(shareTable("type", results.types)),
    "",
    ...worseOriginLines(results.worse).map((line) => `- ${plain(line)}`),
    ...results.notes.map((note) => `- ${plain(note)}`),
    "",
    "## Left out",
    "",
    `Rows that share 13 tokens in a row with one of these files, which misses paraphrases: ${
      Object.entries(results.excluded).map(([name, rows]) => `${plain(name)} (${rows} rows)`).join(", ")
    }. Near-duplicates from a share of ${config.duplicates} of common runs of three tokens on.`,
    "",
    "## Prompts",
    "",
    "SHA-256 of each text that models were given:",
    "",
    ...Object.entries(prompts.hashes).filter(([name]) => config.verify === "judge" || name === "respond").map(
      ([name, hash]) => `- ${name}: \`${hash}\``,
    ),
    "",
  ].join("\n");
}
