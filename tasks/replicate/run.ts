/**
 * The workflow of a replication: data, trainings that rates are chosen by, trainings with the other seeds, evaluations, tables.
 * Each training and each evaluation is a folder of its own; finished ones are left, killed ones continue.
 * @module
 */
import { join } from "@std/path";
import { stringify } from "yaml";

import { lockDirectory } from "../../formats/directory_lock.ts";
import { item, valueOf } from "../../formats/elements.ts";
import { provisionalFolder } from "../../formats/provisional_folder.ts";
import { parseYaml } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import type { Registry } from "../../plugins/registry.ts";
import type { Progress } from "../train/outputs/log/progress.ts";
import { readTraining, type Training } from "../compare/training.ts";
import { type CellContext, evaluateCell, trainCell } from "../sweep/train_cell.ts";
import type { ReplicateConfig } from "./config.ts";
import { checkReplicationFolder, claimFolder } from "./identity.ts";
import { METHODS } from "./methods.ts";
import {
  type Arm,
  armOf,
  checkTrainings,
  evaluationSettings,
  SETS,
  tuningArms,
  writeData,
  writeTraining,
} from "./plan.ts";
import { type Items, readItems } from "./records.ts";
import { readEvaluation, type ScoredAnswers, validationScore } from "./scores.ts";

/** A training that took part in tuning. */
export interface Tried {
  /** Method, learning rate and seed. */
  arm: Arm;
  /** Share of the validation's constraints that its answers keep. */
  score: number;
  /** Answers of the validation without a verdict; constraints without one count as not kept. */
  unscored: number;
  /** True if its rate was chosen. */
  chosen: boolean;
}

/** One row of the table. */
export interface MethodResult {
  /** Trainings, one a seed; none of the untrained model. */
  arms: Arm[];
  /** In tables. */
  title: string;
  /** Chosen learning rate; null: untrained. */
  rate: number | null;
  /** Evaluations on the test instructions, one a seed; the untrained model's is one and the same for all. */
  evaluations: ScoredAnswers[];
  /** Trainings, one a seed. */
  trainings: Training[];
}

/** Everything that the tables are made of. */
export interface Replication {
  /** The resolved configuration. */
  config: ReplicateConfig;
  /** Counts of items, and notes. */
  items: Items;
  /** Rows: the untrained model first. */
  methods: MethodResult[];
  /** Tuning, every rate of every method. */
  tried: Tried[];
}

/** Options of {@linkcode replicate}. */
export interface ReplicateRun {
  /** Ctrl-C. */
  signal: AbortSignal;
  /** Shows the progress. */
  progress: Progress;
  /** Command that goes on, told with an error of a training; absent: that of the training is told. */
  continues?: string;
  /** Code that trains and evaluates; default: the code of `deno task train` and `deno task eval`. */
  cells?: ReplicateCells;
}

/** Ways of doing the work. */
export interface ReplicateCells {
  /** Trains by a file into a folder. */
  train: typeof trainCell;
  /** Evaluates a trained model by a file. */
  evaluate: typeof evaluateCell;
}

/**
 * Carries out a replication.
 * @throws {RangeError} If anything in the configuration is wrong, or the folder holds another one
 * @throws {Error} If another process replicates into the folder
 * @throws {Interrupted} If it was stopped; the same call continues
 */
export async function replicate(
  config: ReplicateConfig,
  { cells = { train: trainCell, evaluate: evaluateCell }, ...context }: ReplicateRun,
): Promise<Replication> {
  const registry = builtinRegistry();
  const items = await readItems(config);
  checkTrainings(config);
  checkReplicationFolder(config);
  using _folder = provisionalFolder(config.out_dir, "out_dir");
  // between two trainings or evaluations no lock of their own is held
  using _lock = lockDirectory(config.out_dir, "replicate into");
  claimFolder(config);
  await writeData(config, items);
  const { progress } = context;
  for (const note of items.notes) progress.line(`note: ${note}`);
  for (const line of workText(config, items)) progress.line(line);
  const steps = new Steps(config, registry, context, cells);
  const tried: Tried[] = [];
  for (const arm of tuningArms(config)) {
    await steps.train(arm);
    const evaluation = await steps.evaluate(arm, "validation");
    tried.push({ arm, score: validationScore(evaluation), unscored: evaluation.unscored, chosen: false });
  }
  for (const method of METHODS) best(tried.filter(({ arm }) => arm.method === method)).chosen = true;
  const chosen = tried.filter((one) => one.chosen).map(({ arm }) => arm);
  const base = await steps.evaluate(null, "test");
  const methods: MethodResult[] = [{
    title: "Base",
    rate: null,
    arms: [],
    trainings: [],
    evaluations: config.seeds.map(() => base),
  }];
  for (const { method, rate } of chosen) {
    const arms = config.seeds.map((seed) => armOf(config, method, rate, seed));
    const evaluations: ScoredAnswers[] = [], trainings: Training[] = [];
    for (const arm of arms) {
      await steps.train(arm);
      evaluations.push(await steps.evaluate(arm, "test"));
      trainings.push(readTraining(arm.directory));
    }
    methods.push({ title: method.title, rate, arms, evaluations, trainings });
  }
  return { config, items, methods, tried };
}

/** Every rate with the first seed, the chosen one with each other seed. */
function trainingsOf(config: ReplicateConfig): number {
  return tuningArms(config).length + METHODS.length * (config.seeds.length - 1);
}

/** The work and the time that it takes, in words. */
export function workText(
  config: ReplicateConfig,
  { validation, test }: Pick<Items, "validation" | "test">,
): string[] {
  const tuned = tuningArms(config).length, { steps, seeds, takes } = config;
  return [
    `${trainingsOf(config)} trainings of ${steps} steps; ${tuned} evaluations of ${validation.length} ` +
    `instructions and ${METHODS.length * seeds.length + 1} of ${test.length}`,
    takes === undefined
      ? "how long it takes isn't known beforehand: the first training tells"
      : `takes ${takes}, as the file stands`,
    "Ctrl-C stops it, the same command continues",
  ];
}

/** The highest validation score; of equal ones the lower rate, which comes first. */
export function best(tried: readonly Tried[]): Tried {
  return tried.reduce((first, next) => next.score > first.score ? next : first, item(tried, 0));
}

/** Trainings and evaluations, counted. */
class Steps {
  readonly #config: ReplicateConfig;
  readonly #registry: Registry;
  readonly #context: CellContext;
  readonly #cells: ReplicateCells;
  readonly #held: ReadonlySet<string>;
  readonly #trained = new Map<string, number>();

  constructor(config: ReplicateConfig, registry: Registry, context: CellContext, cells: ReplicateCells) {
    this.#config = config;
    this.#registry = registry;
    this.#context = context;
    this.#cells = cells;
    this.#held = new Set(config.held_out);
  }

  async train(arm: Arm): Promise<void> {
    const before = this.#trained.size;
    if (!this.#trained.has(arm.directory)) this.#trained.set(arm.directory, before + 1);
    else return;
    this.#context.progress.line(
      `training ${
        valueOf(this.#trained, arm.directory)
      } of ${this.#total}: ${arm.method.title}, learning rate ${arm.rate}, seed ${arm.seed}`,
    );
    const file = await writeTraining(this.#config, arm);
    await this.#cells.train(file, [], arm.directory, this.#context);
  }

  async evaluate(arm: Arm | null, set: keyof typeof SETS): Promise<ScoredAnswers> {
    const settings = evaluationSettings(this.#config, arm, set);
    const file = parseYaml(stringify(settings), join(this.#config.out_dir, `${set}.yaml`));
    const { directory } = await this.#cells.evaluate(file, [], this.#registry, this.#context);
    return await readEvaluation(directory, this.#held, this.#registry);
  }

  get #total(): number {
    return trainingsOf(this.#config);
  }
}
