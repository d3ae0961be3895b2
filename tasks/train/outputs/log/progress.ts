/**
 * Progress of a run for its user: a progress bar on a terminal, plain lines elsewhere.
 * @module
 */
import process from "node:process";

import cliProgress from "cli-progress";

import { isDumbTerminal } from "../../../common/cli/dumb_terminal.ts";
import { hms } from "../format.ts";
import { isEvaluation } from "./log_entries.ts";

/** Where a run stands after a step. */
export interface StepStatus {
  /** Optimizer steps done. */
  step: number;
  /** Of the whole run. */
  totalSteps: number;
  /** Of this step. */
  loss: number;
  /** `rewards/margins` of preference losses, else null. */
  margin: number | null;
  /** Real tokens per second since this start; 0: not known yet. */
  tokensPerSecond: number;
  /** Seconds left at this pace. */
  remainingSeconds: number;
}

/** One log line's values and the pace. */
export interface LogStatus {
  /** As in `log_history`. */
  entry: Readonly<Record<string, number>>;
  /** Optimizer steps of the whole run. */
  totalSteps: number;
  /** Tokens per second since this start. */
  speed: number;
  /** Seconds left. */
  left: number;
}

/** Shows the progress of a run. `stop` must be called in any case: a bar's timer keeps the process alive. */
export interface Progress {
  /** A phase without steps: `done` of `total` units, or of unknown length (0 in all, `done` 1 at its end); `pace` says how fast. */
  phase(name: string, done: number, total: number, pace?: string): void;
  /** A finished optimizer step. */
  step(status: StepStatus): void;
  /** One log. */
  log(status: LogStatus): void;
  /** One line of text that stays. */
  line(text: string): void;
  /** Takes the bar away. */
  stop(): void;
}

/** Stream to write to: `node:process`'s stderr, or a stand-in. */
export interface ProgressStream {
  /** True if a bar can be drawn. */
  isTTY?: boolean | undefined;
  /** Width of the terminal, in characters. */
  columns?: number | undefined;
  /** Writes text as it is. */
  write(text: string): unknown;
}

/** Options of {@linkcode createProgress}. */
export interface ProgressOptions {
  /** Standard error by default. */
  stream?: ProgressStream;
  /** True (`disable_tqdm`): plain lines on a terminal too. */
  disabled?: boolean;
  /** Milliseconds; `Date.now` by default. */
  now?: () => number;
}

/** A bar where the stream is a terminal and it isn't disabled, else plain lines at every log. */
export function createProgress(options: ProgressOptions = {}): Progress {
  const stream = options.stream ?? standardError();
  return stream.isTTY && !options.disabled ? bar(stream) : lines(stream, options.now ?? Date.now);
}

/**
 * Standard error, whose loss (a closed terminal, the end of what reads it) ends no run: an error that nothing hears would. On a terminal
 * that knows no commands (TERM=dumb, as in editors) no bar is drawn: it would show them as signs.
 * @param term The variable TERM
 */
export function standardError(
  stream: NodeJS.EventEmitter & ProgressStream = process.stderr,
  term: string | undefined = stream.isTTY ? Deno.env.get("TERM") : undefined,
): ProgressStream {
  if (!stream.listeners("error").includes(unheard)) stream.on("error", unheard);
  return isDumbTerminal(term) ? { isTTY: false, write: (text) => stream.write(text) } : stream;
}

function unheard(): void {}

/** Shows nothing; for tests and embedders. */
export function silentProgress(): Progress {
  const nothing = () => {};
  return { phase: nothing, step: nothing, log: nothing, line: nothing, stop: nothing };
}

/** A value of a loss or margin; what rounds to nothing has no sign. */
function fourDigits(value: number): string {
  return value.toFixed(4).replace(/^-(?=[0.]+$)/, "");
}

/** One log or evaluation as a line of text; names are `log_history`'s. */
export function logLine(entry: Readonly<Record<string, number>>, totalSteps: number, pace = ""): string {
  const { step = 0, epoch = 0 } = entry;
  const evaluates = isEvaluation(entry), prefix = evaluates ? "eval_" : "";
  const sets = evaluates && entry.eval_loss === undefined
    ? Object.keys(entry).flatMap((name) => /^eval_(.+)_loss$/.exec(name)?.[1] ?? [])
    : [];
  const shown: [label: string, name: string, digits: (value: number) => string][] = [
    ["loss", `${prefix}loss`, fourDigits],
    ...sets.map((set): typeof shown[number] => [`loss of ${set}`, `eval_${set}_loss`, fourDigits]),
    // a reward model's is the share of pairs, which the other name has
    ...entry["eval_rewards/accuracies"] === undefined
      ? [["token accuracy", "eval_accuracy", (value) => value.toFixed(3)] satisfies typeof shown[number]]
      : [],
    ["margin", `${prefix}rewards/margins`, fourDigits],
    ["accuracy", `${prefix}rewards/accuracies`, (value) => value.toFixed(3)],
    ["grad norm", "grad_norm", (value) => value.toPrecision(3)],
    ["lr", "learning_rate", (value) => value === 0 ? "0" : value.toExponential(2)],
  ];
  const parts = shown.filter(([, name]) => entry[name] !== undefined)
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

function speedText(tokensPerSecond: number): string {
  const speed = tokensPerSecond >= 100 ? Math.round(tokensPerSecond) : Number(tokensPerSecond.toPrecision(3));
  return `${speed.toLocaleString("en-US")} tokens/s`;
}

/** The part of cli-progress that is used; the package brings no types. */
interface Bars {
  create(total: number, start: number, payload: Record<string, string>): Bar;
  update(): void;
  log(text: string): void;
  stop(): void;
}

interface Bar {
  setTotal(total: number): void;
  update(value: number, payload?: Record<string, string>): void;
}

/** Milliseconds until a phase without a bar tells how far it is; then twice as long. */
const PATIENCE = 5_000;

/** Milliseconds without a line after which a step is told without a bar, though no log is due. */
const SILENCE = 30_000;

function lines(stream: ProgressStream, now: () => number): Progress {
  let last = now();
  const write = (text: string) => {
    last = now();
    stream.write(text + "\n");
  };
  // A phase that is over before PATIENCE says nothing: in a log file its lines are noise.
  let phase: { name: string; next: number; told: string } | null = null;
  return {
    phase(name, done, total, pace = "") {
      const time = now();
      if (phase?.name !== name) phase = { name, next: time + PATIENCE, told: "" };
      const parts = [...total > 0 ? [`${done} of ${total}`] : [], ...pace === "" ? [] : [pace]];
      const text = `${name}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
      const due = time >= phase.next || (total > 0 && done >= total && phase.told !== "");
      if (!due || text === phase.told) return;
      phase = { name, next: time + 2 * PATIENCE, told: text };
      write(text);
    },
    step({ step, totalSteps, loss, margin, tokensPerSecond, remainingSeconds }) {
      if (now() - last < SILENCE) return;
      const parts = [`step ${step}/${totalSteps}`, `loss ${fourDigits(loss)}`];
      if (margin !== null) parts.push(`margin ${fourDigits(margin)}`);
      if (tokensPerSecond > 0) parts.push(paceText(tokensPerSecond, remainingSeconds));
      write(parts.join("  "));
    },
    log({ entry, totalSteps, speed, left }) {
      write(logLine(entry, totalSteps, speed > 0 ? paceText(speed, left) : ""));
    },
    line: write,
    stop() {},
  };
}

/** As many whole parts as there is room for, the first in any case: half a number would be another number. */
function fitting(parts: readonly string[], room: number, between: string): string {
  let text = "";
  for (const part of parts) {
    const next = text === "" ? part : `${text}${between}${part}`;
    if (text !== "" && next.length > room) break;
    text = next;
  }
  return text;
}

function bar(stream: ProgressStream): Progress {
  let current: { bars: Bars; bar: Bar; name: string } | null = null;
  /** The phase that ended last; one that tells its end twice isn't shown twice. */
  let ended = "";
  // a terminal that nobody gave a size has 0
  const columns = () => stream.columns || 80;
  // step, time left and loss take some 50 characters
  const barSize = () => Math.max(8, Math.min(24, columns() - 52));

  function stop(): void {
    if (current === null) return;
    // Draws what is still to be drawn: stop() alone would lose waiting lines.
    current.bars.update();
    current.bars.stop();
    current = null;
  }

  function shown(name: string, total: number, format: string): Bar {
    if (current?.name === name) {
      current.bar.setTotal(total);
      return current.bar;
    }
    stop();
    const bars: Bars = new cliProgress.MultiBar({
      stream,
      format,
      barsize: barSize(),
      barCompleteChar: "█",
      barIncompleteChar: "░",
      // Ctrl-C is the task's: the run saves and says how to continue.
      gracefulExit: false,
      linewrap: true,
    });
    current = { bars, name, bar: bars.create(total, 0, { text: "" }) };
    return current.bar;
  }

  return {
    phase(name, done, total, pace = "") {
      const counted = total > 0 ? "{bar} {value}/{total}  {text}" : "{text}";
      const isOver = done >= Math.max(1, total);
      if (isOver && current === null && ended === name) return;
      const before = name.length + (total > 0 ? barSize() + `  ${done}/${total}  `.length : 1);
      // at its end a phase of unknown length keeps the time that it last told
      const text = total > 0 || done === 0
        ? { text: fitting(pace.split(", "), columns() - before, ", ") }
        : {};
      shown(name, Math.max(1, total), `${name} ${counted}`).update(done, text);
      ended = isOver ? name : "";
      if (isOver) stop();
    },
    step({ step, totalSteps, loss, margin, tokensPerSecond, remainingSeconds }) {
      ended = "";
      // what one looks for comes first: what is beyond the terminal's width is left out
      const parts = [`loss ${fourDigits(loss)}`];
      if (tokensPerSecond > 0) parts.unshift(`${hms(remainingSeconds)} left`);
      if (margin !== null) parts.push(`margin ${fourDigits(margin)}`);
      if (tokensPerSecond > 0) parts.push(speedText(tokensPerSecond));
      shown("training", totalSteps, "{bar} step {value}/{total}  {text}").update(step, {
        text: fitting(parts, columns() - barSize() - ` step ${step}/${totalSteps}  `.length, "  "),
      });
    },
    // The bar shows it already.
    log() {},
    line(text) {
      if (current === null) stream.write(text + "\n");
      else current.bars.log(text + "\n");
    },
    stop,
  };
}
