/**
 * Trainings side by side: keys that differ, and what came out.
 * @module
 */
import { resolve } from "@std/path";

import type { Column, Table } from "../common/report/table.ts";
import type { TableFiles } from "../common/report/table_files.ts";
import { diffConfigs } from "../train/config/mod.ts";
import { curveEnds, lastEvalLoss, lowestEvalLoss, setsApart, type Training } from "./training.ts";

/** A result of a training. */
export interface ResultColumn extends Column {
  /** In files for programs. */
  name: string;
  /** Null where the training has none. */
  of: (training: Training) => number | null;
  /** For reading. */
  digits: (value: number) => string;
}

const four = (value: number) => value.toFixed(4);
const whole = (value: number) => String(Math.round(value));
const last = (key: string) => (training: Training) => curveEnds(training, key)?.last ?? null;

/** Losses of one evaluation, of all sets together or of one that is evaluated by itself. */
const evalLosses = (set?: string): ResultColumn[] => {
  const key = set === undefined ? "eval_loss" : `eval_${set}_loss`;
  const title = set === undefined ? "eval loss" : `eval ${set} loss`;
  return [
    { title, name: key, of: (training) => lastEvalLoss(training, key), digits: four },
    {
      title: `lowest ${title}`,
      name: `lowest_${key}`,
      of: (training) => lowestEvalLoss(training, key),
      digits: four,
      spare: 6,
    },
  ];
};

/** Results of these trainings in the order of tables. */
export function resultColumns(trainings: readonly Training[]): ResultColumn[] {
  return [
    ...LOSSES,
    ...evalLosses(),
    ...setsApart(trainings).flatMap(evalLosses),
    ...REWARDS_AND_COSTS,
  ];
}

const LOSSES: readonly ResultColumn[] = [
  { title: "steps", name: "steps", of: ({ steps }) => steps, digits: whole },
  { title: "loss", name: "loss", of: last("loss"), digits: four },
  {
    title: "lowest loss",
    name: "lowest_loss",
    of: (training) => curveEnds(training, "loss")?.lowest ?? null,
    digits: four,
    spare: 5,
  },
];

const REWARDS_AND_COSTS: readonly ResultColumn[] = [
  { title: "reward", name: "reward", of: last("reward"), digits: four },
  { title: "margin", name: "margin", of: last("rewards/margins"), digits: four },
  {
    title: "accuracy",
    name: "accuracy",
    of: last("rewards/accuracies"),
    digits: (value) => value.toFixed(3),
  },
  {
    title: "eval accuracy",
    name: "eval_accuracy",
    of: last("eval_rewards/accuracies"),
    digits: (value) => value.toFixed(3),
    spare: 4,
  },
  { title: "tokens", name: "tokens", of: ({ tokens }) => tokens, digits: whole, spare: 7 },
  {
    title: "tokens/s",
    name: "tokens_per_second",
    of: ({ tokensPerSecond }) => tokensPerSecond,
    digits: whole,
    spare: 1,
  },
  {
    title: "seconds",
    name: "seconds",
    of: ({ seconds }) => seconds,
    digits: (value) => value.toFixed(1),
    spare: 3,
  },
  {
    title: "memory MiB",
    name: "memory_bytes",
    of: ({ memory }) => memory,
    digits: (value) => whole(value / 2 ** 20),
    spare: 2,
  },
];

/** Columns that one of the trainings has a value for, and the results of each, rounded for reading. */
export function resultTable(trainings: readonly Training[]): Table {
  const columns = resultColumns(trainings).filter(({ of }) =>
    trainings.some((training) => of(training) !== null)
  );
  return {
    columns: columns.map(({ title, spare }) => spare === undefined ? { title } : { title, spare }),
    rows: trainings.map((training) =>
      columns.map(({ of, digits }) => {
        const value = of(training);
        return value === null ? "–" : digits(value);
      })
    ),
  };
}

/** Results of a training with all digits. */
export function resultNumbers(training: Training, columns: readonly ResultColumn[]): string[] {
  return columns.map(({ of }) => String(of(training) ?? ""));
}

/** Keys in which a training differs from the first one. */
function differingKeys(trainings: readonly Training[]): string[] {
  const [first, ...rest] = trainings;
  if (first === undefined) return [];
  return [...new Set(rest.flatMap(({ config }) => diffConfigs(first.config, config).map(({ key }) => key)))];
}

/** Names that tell the trainings apart: their paths without the folders that all of them begin and end with. */
export function shortNames(trainings: readonly Pick<Training, "directory">[]): string[] {
  const paths = trainings.map(({ directory }) => resolve(directory).split(/[\\/]/));
  const shortest = Math.min(...paths.map(({ length }) => length));
  const same = (index: number) => new Set(paths.map((path) => path.at(index))).size === 1;
  let start = 0, end = 0;
  while (start < shortest - 1 && same(start)) start++;
  while (end < shortest - start - 1 && same(-1 - end)) end++;
  return paths.map((path) => path.slice(start, path.length - end).join("/"));
}

/** The comparison for terminal and files. */
export function trainingFiles(trainings: readonly Training[]): TableFiles {
  const keys = differingKeys(trainings), names = shortNames(trainings);
  const results = resultTable(trainings);
  const value = ({ config }: Training, key: string) => {
    const one = (config as unknown as Record<string, unknown>)[key];
    return typeof one === "object" && one !== null ? JSON.stringify(one) : String(one);
  };
  const shown: Table = {
    columns: [
      { title: "run", align: "left" },
      ...keys.map((title) => ({ title, align: "left" as const, spare: 8 })),
      ...results.columns,
      { title: "state", align: "left" },
    ],
    rows: trainings.map((training, i) => [
      names[i] ?? "",
      ...keys.map((key) => value(training, key)),
      ...results.rows[i] ?? [],
      stateOf(training),
    ]),
  };
  const columns = resultColumns(trainings);
  const numbers: Table = {
    columns: ["folder", ...keys, ...columns.map(({ name }) => name), "state"].map((title) => ({
      title,
    })),
    rows: trainings.map((training) => [
      training.directory,
      ...keys.map((key) => value(training, key)),
      ...resultNumbers(training, columns),
      stateOf(training),
    ]),
  };
  const caption = [
    keys.length === 0 ? "The configurations are the same." : `Keys that differ: ${keys.join(", ")}.`,
    ...new Set(trainings.map(lossKind)).size > 1
      ? ["Losses of different kinds measure different things."]
      : [],
    ...new Set(trainings.map(({ steps }) => steps)).size > 1
      ? ["The runs have different lengths: last values are of different steps."]
      : [],
    "Memory is the most that a log line says the process held; where one process trains several runs, it holds what earlier ones left.",
  ].join(" ");
  return { shown, numbers, caption };
}

/** Keys that decide what a loss measures. */
function lossKind({ config }: Training): string {
  const { stage, pref_loss, iopo_variant } = config;
  return JSON.stringify([
    stage,
    ...stage === "dpo" ? [pref_loss] : [],
    ...stage === "iopo" ? [iopo_variant] : [],
  ]);
}

function stateOf({ finished, steps, totalSteps }: Training): string {
  return finished ? "finished" : `stopped at ${steps}${totalSteps === null ? "" : ` of ${totalSteps}`}`;
}
