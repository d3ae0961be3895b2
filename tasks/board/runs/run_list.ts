/**
 * Training runs in the board's folders, with how far they are.
 * @module
 */
import { join } from "@std/path";

import { isDirectoryLocked, LOCK_FILE } from "../../../formats/directory_lock.ts";
import type { Folders, RunFolder } from "../folders.ts";
import { changedAt, ifReadable } from "../readable.ts";
import { Refusal } from "../refusal.ts";
import { CurveLog, seconds } from "./curve_log.ts";

/** State of a run, read from its folder. */
export type RunState = "running" | "finished" | "stopped";

/** A run as the list shows it. */
export interface RunSummary {
  /** See {@linkcode RunFolder}. */
  id: string;
  /** Path in the given folder. */
  name: string;
  /** `stopped`: neither finished nor does a process write it. */
  state: RunState;
  /** Steps done. */
  step: number | null;
  /** Steps of the whole run. */
  totalSteps: number | null;
  /** Seconds left, of a running one. */
  secondsLeft: number | null;
  /** Last value of every curve. */
  values: Record<string, number>;
  /** When its log changed last, milliseconds since 1970. */
  changed: number;
  /** Counts up with every change of its curves. */
  version: number;
}

/** One of these makes a folder a training run. */
const MARKS = ["trainer_log.jsonl", "trainer_state.json"];

/** Without locks a run whose log has grown this lately counts as running. */
const LIVELY_MS = 120_000;

interface Held {
  found: RunFolder;
  log: CurveLog;
  changed: number;
  dead: number | null;
}

/** The runs, kept between looks. */
export class RunList {
  readonly #folders: Folders;
  #runs = new Map<string, Held>();

  constructor(folders: Folders) {
    this.#folders = folders;
  }

  /** Looks for runs and reads what is new in their logs; gives way to requests between two runs. */
  async refresh(): Promise<void> {
    const runs = new Map<string, Held>();
    for (const found of this.#folders.find(MARKS)) {
      const earlier = this.#runs.get(found.id);
      const held = earlier?.found.path === found.path
        ? { ...earlier, found }
        : { found, log: new CurveLog(found.path), changed: 0, dead: null };
      await held.log.update(found.entries);
      held.changed = lastChange(found);
      runs.set(found.id, held);
    }
    this.#runs = runs;
  }

  /** The runs, those that changed last first. */
  list(): RunSummary[] {
    return [...this.#runs.values()].map(summary).sort((a, b) =>
      b.changed - a.changed || (a.id < b.id ? -1 : 1)
    );
  }

  /** A run's curves. @throws {Refusal} 404 if there is no such run */
  log(id: string): CurveLog {
    const held = this.#runs.get(id);
    if (held !== undefined) return held.log;
    this.#folders.folder(id);
    throw new Refusal(404, `${id} holds no training run`);
  }

  /** A run's name. */
  name(id: string): string {
    return this.#runs.get(id)?.found.name ?? id;
  }
}

function summary(held: Held): RunSummary {
  const { found: { id, name }, log, changed } = held;
  const number = (key: string) => typeof log.last[key] === "number" ? log.last[key] : null;
  const values: Record<string, number> = {};
  for (const curve of log.names) {
    const value = log.lastOf(curve);
    if (value !== null) values[curve] = value;
  }
  const state = stateOf(held);
  return {
    id,
    name,
    state,
    step: number("current_steps") ?? log.lastOf("step"),
    totalSteps: number("total_steps"),
    secondsLeft: state === "running" ? seconds(log.last["remaining_time"]) : null,
    values,
    changed,
    version: log.version,
  };
}

function stateOf(held: Held): RunState {
  const { found: { entries, path }, changed } = held;
  if (entries.has("all_results.json")) return "finished";
  const lively = () => Date.now() - changed < LIVELY_MS ? "running" : "stopped";
  if (!entries.has(LOCK_FILE)) return entries.has("run.yaml") ? "stopped" : lively();
  // The lock of a killed run is tried once only: while it is tried, a run that is just starting would be refused.
  const marked = changedAt(join(path, LOCK_FILE));
  if (marked === held.dead) return "stopped";
  const locked = ifReadable(() => isDirectoryLocked(path));
  if (locked === null) return lively();
  held.dead = locked ? null : marked;
  return locked ? "running" : "stopped";
}

function lastChange({ path, entries }: RunFolder): number {
  const there = MARKS.filter((mark) => entries.has(mark));
  return Math.max(...there.map((mark) => changedAt(join(path, mark)) ?? 0), 0);
}
