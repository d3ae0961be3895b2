/**
 * Losses, logs and paces as text.
 * @module
 */
import { hms } from "../format.ts";
import { isEvaluation } from "./log_entries.ts";

/** A value of a loss or margin; what rounds to nothing has no sign. */
export function fourDigits(value: number): string {
  return value.toFixed(4).replace(/^-(?=[0.]+$)/, "");
}

/** One log or evaluation as a line of text; names are `log_history`'s. */
export function logLine(entry: Readonly<Record<string, number>>, totalSteps: number, pace = ""): string {
  const { step = 0, epoch = 0 } = entry;
  const evaluates = isEvaluation(entry), prefix = evaluates ? "eval_" : "";
  const sets = evaluates && entry.eval_loss === undefined
    ? Object.keys(entry).flatMap((name) => /^eval_(.+)_loss$/.exec(name)?.[1] ?? [])
    : [];
  const values: [label: string, name: string, digits: (value: number) => string][] = [
    ["loss", `${prefix}loss`, fourDigits],
    ...sets.map((set): typeof values[number] => [`loss of ${set}`, `eval_${set}_loss`, fourDigits]),
    // a reward model's is the share of pairs, which the other name has
    ...entry["eval_rewards/accuracies"] === undefined
      ? [["token accuracy", "eval_accuracy", (value) => value.toFixed(3)] satisfies typeof values[number]]
      : [],
    ["reward", "reward", fourDigits],
    ["margin", `${prefix}rewards/margins`, fourDigits],
    ["accuracy", `${prefix}rewards/accuracies`, (value) => value.toFixed(3)],
    ["grad norm", "grad_norm", (value) => value.toPrecision(3)],
    ["lr", "learning_rate", (value) => value === 0 ? "0" : value.toExponential(2)],
  ];
  const parts = values.filter(([, name]) => entry[name] !== undefined)
    .map(([label, name, digits]) => `${label} ${digits(entry[name]!)}`);
  const of = totalSteps > 0 ? `/${totalSteps}` : "";
  const head = `${evaluates ? "evaluation at step" : "step"} ${step}${of}, epoch ${epoch.toFixed(2)}`;
  return [head, ...parts, ...(pace === "" ? [] : [pace])].join("  ");
}

/** `1,234 tokens/s, 0:01:02 left`; only the latter where no tokens are made, as by rules. */
export function paceText(tokensPerSecond: number, remainingSeconds: number): string {
  const left = `${hms(remainingSeconds)} left`;
  return tokensPerSecond > 0 ? `${speedText(tokensPerSecond)}, ${left}` : left;
}

/** `1,234 tokens/s`. */
export function speedText(tokensPerSecond: number): string {
  const speed = tokensPerSecond >= 100 ? Math.round(tokensPerSecond) : Number(tokensPerSecond.toPrecision(3));
  return `${speed.toLocaleString("en-US")} tokens/s`;
}
