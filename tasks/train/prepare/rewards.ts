/**
 * The rewards of stage grpo, made of the run's judges.
 * @module
 */
import { onlyMerged } from "../../../formats/peft/mod.ts";
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import { lastUserText } from "../../../plugins/kinds/endpoint.ts";
import type { Judge } from "../../../plugins/kinds/judge.ts";
import type { JudgeResult } from "../../../plugins/kinds/judgement.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { faultAt } from "../../../plugins/kinds/plugin_fault.ts";
import type { Rewards, Rollout } from "../../../plugins/kinds/rewards.ts";
import type { Template } from "../../../plugins/kinds/template.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import { idsOfPrompt } from "../../../plugins/trainers/local/rollouts/prompt_of.ts";
import type { Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import type { UsedPlugins } from "./used_plugins.ts";

/** Keys that say what rewards answers. */
export type RewardKeys = Pick<TrainConfig, "stage" | "reward_funcs" | "reward_weights" | "reward_options">;

/** The judge that decides by the rules of constraints. */
const RULES = "rules";

/** What a judge's result is read as. */
const READINGS = ["constraints", "overall"] as const;
type Reading = typeof READINGS[number];

interface RewardFunction {
  name: string;
  judge: Judge;
  reading: Reading;
}

/** The rewards of a run before it begins. */
export interface PreparedRewards extends Rewards {
  /** Why the judge `rules` can't decide a constraint of an item, whatever the answer says; null: it can, or isn't named. */
  undecidable(item: BenchmarkItem): Promise<string | null>;
}

/**
 * Makes them; null in other stages.
 * @throws {RangeError} If a name is no judge's, a judge asks a model or gives no scale, or options name none of them
 */
export function prepareRewards(
  config: RewardKeys,
  plugins: UsedPlugins,
  placeOf: (key: string) => string,
): PreparedRewards | null {
  if (config.stage !== "grpo") return null;
  const { reward_funcs: names, reward_weights, reward_options: options } = config;
  const judges = new Map<string, Judge>();
  const functions = placed(placeOf("reward_funcs"), () =>
    names.map((name): RewardFunction => {
      const { judge: judgeName, reading } = readName(name);
      const judge = judges.get(judgeName) ??
        makeJudge(judgeName, optionsOf(options, judgeName), plugins, placeOf);
      judges.set(judgeName, judge);
      return { name, judge, reading };
    }));
  placed(placeOf("reward_options"), () => checkOptionNames(options, [...judges.keys()]));
  return {
    names,
    weights: reward_weights ?? names.map(() => 1),
    async of({ item, response }, signal) {
      const results = new Map<Judge, JudgeResult>();
      for (const [name, judge] of judges) {
        const result = await judged(judge, item, response, signal).catch((error: unknown) => {
          throw signal.aborted ? error : faultAt(`judge/${name}`, item.id, error);
        });
        results.set(judge, result);
      }
      return functions.map(({ judge, reading }) => rewardOf(judge, results.get(judge), reading));
    },
    async undecidable(item) {
      const judge = judges.get(RULES);
      if (judge === undefined) return null;
      // a blank answer breaks every constraint that can be decided
      const { constraints } = await judged(judge, item, "", new AbortController().signal);
      return constraints.find(({ score }) => score === null)?.reason ?? null;
    },
  };
}

/** What the trainer is given; null in other stages. */
export function rolloutOf(
  rewards: Rewards | null,
  template: Template | null,
  tokenizer: Pick<Tokenizer, "eosId" | "tokenToId">,
): Rollout | null {
  if (rewards === null) return null;
  const stops = [tokenizer.eosId, ...(template?.stopWords ?? []).map((word) => tokenizer.tokenToId(word))];
  return { rewards, endIds: [...new Set(stops.filter((id) => id !== null))] };
}

/**
 * Makes sure that the judge `rules` can decide every constraint of every row.
 * @throws {RangeError} If a row has no constraints, or one without a rule that can be decided: names it
 */
export async function checkRuled(
  examples: readonly EncodedExample[],
  { names, undecidable }: PreparedRewards,
): Promise<void> {
  const name = names.find((name) => readName(name).judge === RULES), tried = new Set<string>();
  if (name === undefined) return;
  for (const { task, source: { file, row } } of examples) {
    const item = JSON.parse(task ?? "{}") as BenchmarkItem, { constraints = [] } = item;
    const bare = constraints.find(({ rule }) => rule === undefined);
    const fresh = constraints.filter(({ rule }) => !tried.has(JSON.stringify(rule)));
    for (const { rule } of fresh) tried.add(JSON.stringify(rule));
    const fault = constraints.length === 0
      ? "no constraints"
      : bare !== undefined
      ? `"${bare.text}" without one`
      : fresh.length === 0
      ? null
      : await undecidable({ ...item, constraints: fresh });
    if (fault === null) continue;
    throw new RangeError(
      `Cannot reward answers by ${name} as every constraint needs a rule that can be decided: current value is ${fault} in row ${row} of ${file}. ` +
        'Give constraints as {"text": …, "rule": {"id": …, "kwargs": {…}}} (docs/rewards.md), or name another judge as reward_funcs',
    );
  }
}

/**
 * Makes sure that adapters which are trained on can stand beside the model that draws answers.
 * @param folders Theirs
 * @throws {RangeError} If one can only be merged: names what it has
 */
export function checkPlainAdapters(folders: readonly string[]): void {
  for (const folder of folders) {
    const part = onlyMerged(folder);
    if (part === null) continue;
    throw new RangeError(
      `Cannot train with stage: grpo on from the adapter ${folder} as it has ${part}, and answers are drawn with a plain adapter beside the model: ` +
        "merge it (deno task export), and name the result as model_name_or_path",
    );
  }
}

/**
 * Makes sure that every prompt leaves room for an answer, before a step would have to draw one.
 * @throws {RangeError} If one fills the model's context: names its row
 */
export function checkAnswerRoom(
  examples: readonly EncodedExample[],
  { maxPositionEmbeddings, rotaryLimit = Infinity }: Pick<
    DecoderConfig,
    "maxPositionEmbeddings" | "rotaryLimit"
  >,
): void {
  const context = Math.min(maxPositionEmbeddings, rotaryLimit);
  for (const example of examples) {
    const { length } = idsOfPrompt(example), { file, row } = example.source;
    if (length < context) continue;
    throw new RangeError(
      `Cannot draw answers to row ${row} of ${file} as its prompt of ${length} tokens leaves no room in the model's context of ${context}: ` +
        `set cutoff_len: ${context - 1} or less, which leaves longer rows out`,
    );
  }
}

function readName(name: string): { judge: string; reading: Reading } {
  const [judge = "", reading = "constraints", ...more] = name.split(":");
  const found = READINGS.find((each) => each === reading);
  if (found !== undefined && more.length === 0) return { judge, reading: found };
  throw new RangeError(
    `Cannot reward by "${name}" as a judge's name, or that and :overall, is needed: use ${judge} or ${judge}:overall`,
  );
}

function optionsOf(options: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const own = options[name] ?? {};
  if (typeof own === "object" && !Array.isArray(own)) return own as Record<string, unknown>;
  throw new RangeError(
    `Cannot use reward_options.${name} as a map is needed: current value is ${JSON.stringify(own)}`,
  );
}

function checkOptionNames(options: Readonly<Record<string, unknown>>, judges: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !judges.includes(name));
  if (unknown === undefined) return;
  throw new RangeError(
    `Cannot use reward_options.${unknown} as reward_funcs names no such judge: known are ${
      judges.join(", ")
    }`,
  );
}

function makeJudge(
  name: string,
  options: Record<string, unknown>,
  plugins: UsedPlugins,
  placeOf: (key: string) => string,
): Judge {
  const judge = plugins.use("judge", name, options, () => placeOf("reward_options"));
  if ((judge.endpoints ?? []).length > 0) {
    throw new RangeError(
      `Cannot reward by judge ${name} as it asks a model behind an endpoint for each answer, which training doesn't: use a judge that decides by itself, such as rules`,
    );
  }
  if (judge.scale !== null) return judge;
  throw new RangeError(
    `Cannot reward by judge ${name} as its scores have no scale of their own: use another judge`,
  );
}

function judged(
  judge: Judge,
  item: BenchmarkItem,
  response: string,
  signal: AbortSignal,
): Promise<JudgeResult> {
  const { id, constraints, messages } = item;
  return judge.judge({ id, prompt: lastUserText(messages), response, constraints, item }, signal);
}

/** In [0, 1]: the mean of the constraints that have a score, or the verdict on the whole. */
function rewardOf(
  { scale }: Judge,
  result: JudgeResult | undefined,
  reading: Reading,
): number | null {
  if (!result || scale === null) return null;
  const scores = (reading === "overall" ? [result.overall] : result.constraints)
    .map(({ score }) => score).filter((score) => score !== null);
  if (scores.length === 0) return null;
  return scores.reduce((sum, score) => sum + score / scale, 0) / scores.length;
}
