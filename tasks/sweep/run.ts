/**
 * The workflow of a sweep: every cell is trained, and evaluated where an evaluation is named; finished ones are left.
 * @module
 */
import { join, relative } from "@std/path";

import { lockDirectory } from "../../formats/directory_lock.ts";
import { item } from "../../formats/elements.ts";
import { atRevision } from "../../formats/hub/mod.ts";
import { provisionalFolder } from "../../formats/provisional_folder.ts";
import { readYaml, type YamlFile } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { isEvaluation } from "../train/outputs/log/log_entries.ts";
import { lastEvalLoss, readTraining, type Training } from "../compare/training.ts";
import { resolveEvalConfig } from "../eval/config/config.ts";
import type { ScoreWithSpread } from "../eval/results/score_table.ts";
import type { TrainConfig } from "../train/config/mod.ts";
import { readRun } from "../train/own_run.ts";
import type { GridCell } from "./grid.ts";
import { type CellContext, evaluateCell, trainCell } from "./train_cell.ts";

/** A cell that is done. */
export interface CellResult {
  /** Cell of the grid. */
  cell: GridCell;
  /** Training in that cell. */
  training: Training;
  /** Headline score of its evaluation; null without one. */
  score: CellScore | null;
}

/** A score of a cell's evaluation. */
export interface CellScore {
  /** Over what was scored. */
  value: number;
  /** Over everything, the unscored as misses: cells that lack other items compare by this one. */
  ofAll: number;
  /** Weight of what has no score, items as a rule. */
  unscored: number;
}

/** Cells and folders of a sweep. */
export interface SweepPlan {
  /** Training file. */
  config: string;
  /** Cells in order. */
  cells: readonly GridCell[];
  /** Evaluation file; undefined: none. */
  evaluation?: string | undefined;
  /** Folder of the sweep. */
  out: string;
}

/**
 * Reads every cell's configuration and its evaluation's, so that a fault of the last one is told before the first one is trained.
 * @throws {RangeError} If one is wrong; names the cell
 * @throws {SyntaxError} If a file isn't YAML
 */
export function checkCells({ config, cells, evaluation, out }: SweepPlan): void {
  for (const cell of cells) {
    const { name, overrides, directory } = cell;
    let training: TrainConfig;
    try {
      training = readRun(config, [...overrides, `output_dir=${JSON.stringify(directory)}`]).config;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`Cannot train the cell ${name}:\n${error.message}`, { cause: error });
    }
    if (training.do_predict) {
      throw new RangeError(
        `Cannot train the cell ${name} as a sweep compares losses and evaluations, and predictions are none: leave do_predict out`,
      );
    }
    if (!training.do_train) {
      throw new RangeError(`Cannot train the cell ${name} as do_train isn't true: set do_train: true`);
    }
    if (evaluation !== undefined) {
      resolveEvalConfig(evaluationFile(evaluation), evaluationOverrides(evaluation, training, cell, out));
    }
  }
}

/**
 * Carries out a sweep.
 * @throws {RangeError} If a configuration is wrong, before anything is trained
 * @throws {Error} If another process sweeps into the folder
 * @throws {Interrupted} If it was stopped; the same call continues
 */
export async function sweep(plan: SweepPlan, context: CellContext): Promise<CellResult[]> {
  checkCells(plan);
  using _folder = provisionalFolder(plan.out, "--out");
  // between two cells no cell's own lock is held
  using _lock = lockDirectory(plan.out, "sweep into");
  const registry = builtinRegistry();
  const results: CellResult[] = [];
  for (const [i, cell] of plan.cells.entries()) {
    context.progress.line(`cell ${i + 1} of ${plan.cells.length}: ${cell.name}`);
    await trainCell(plan.config, cell.overrides, cell.directory, context);
    const training = readTraining(cell.directory);
    let score: CellScore | null = null;
    if (plan.evaluation !== undefined) {
      const overrides = evaluationOverrides(plan.evaluation, training.config, cell, plan.out);
      const done = await evaluateCell(evaluationFile(plan.evaluation), overrides, registry, context);
      score = scoreOf(done.results?.scores[0]);
    }
    results.push({ cell, training, score });
  }
  return results;
}

/** The file of `--eval`. No key would name what is given in its place: every cell is the model. */
function evaluationFile(path: string): YamlFile {
  return readYaml(path, { keys: {} });
}

function scoreOf(headline: ScoreWithSpread | undefined): CellScore | null {
  if (headline === undefined) return null;
  const { value, ofAll, unscored } = headline;
  return value === null || ofAll === null ? null : { value, ofAll, unscored };
}

/**
 * The evaluation's own model gives way to the cell's: how it samples stays, and of a local one how it runs; options of a server
 * would mean nothing to the cell.
 */
function evaluationOverrides(
  evaluation: string,
  { finetuning_type, model_name_or_path, model_revision }: TrainConfig,
  { directory, name }: GridCell,
  out: string,
): string[] {
  const { model } = resolveEvalConfig(evaluationFile(evaluation)).config;
  const { model: _model, adapter: _adapter, adapters: _adapters, weights: _weights, ...kept } =
    model?.type === "local" ? model.args : {};
  const args = {
    ...kept,
    ...finetuning_type === "lora"
      ? { model: atRevision(model_name_or_path, model_revision), adapter: directory }
      : { model: directory },
    name,
  };
  return [
    "model.type=local",
    `model.args=${JSON.stringify(args)}`,
    `out_dir=${JSON.stringify(join(out, "eval", relative(out, directory)))}`,
  ];
}

/** The best setting and the rule that found it. */
export interface BestSetting {
  /** {@linkcode GridCell.setting}; null where no cell has a validation score. */
  setting: string | null;
  /** Its mean over seeds. */
  value: number | null;
  /** In words. */
  rule: string;
}

/** By the evaluation's score where there is one, else by the last evaluation loss; of equal settings the first. */
export function bestSetting(results: readonly CellResult[]): BestSetting {
  const unscored = results.filter(({ score }) => score === null);
  const scored = results.length > 0 && unscored.length === 0;
  if (!scored && unscored.length < results.length) {
    const names = unscored.map(({ cell }) => cell.name).join("; ");
    return { setting: null, value: null, rule: `no best one is named, as nothing was scored of ${names}` };
  }
  const lossOf = ({ training }: CellResult) => lastEvalLoss(training);
  if (!scored && (results.length === 0 || results.some((result) => lossOf(result) === null))) {
    const apart = results.some((result) =>
      lossOf(result) === null && result.training.history.some(isEvaluation)
    );
    return {
      setting: null,
      value: null,
      rule: apart
        ? "no best one is named, as evaluations gave no eval_loss: leave eval_on_each_dataset out, or give --eval"
        : "no best one is named, as no validation was made: set val_size with eval_strategy or do_eval, or give --eval",
    };
  }
  const valueOf = (result: CellResult) => (scored ? result.score?.ofAll : lossOf(result)) ?? NaN;
  const settings = [...Map.groupBy(results, ({ cell }) => cell.setting)].map(([setting, list]) => ({
    setting,
    value: list.reduce((sum, result) => sum + valueOf(result), 0) / list.length,
  }));
  const best = settings.reduce(
    (first, next) => (scored ? next.value > first.value : next.value < first.value) ? next : first,
    item(settings, 0),
  );
  const apart = results.some(({ score }) => (score?.unscored ?? 0) > 0) ? ", unscored items as misses" : "";
  const what = scored ? `highest score of the evaluation${apart}` : "lowest last evaluation loss";
  return { ...best, rule: `${what}, mean over seeds; of equal settings the first` };
}
