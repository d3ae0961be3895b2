/**
 * Time of each operator of some runs, from ONNX Runtime's own profile.
 * @module
 */
import { join } from "@std/path";

/** One operator of one run. */
export interface OperatorTime {
  /** Kernel whose lowering it is part of; null: it only hands an output on. */
  kernel: string | null;
  /** "Gemm" */
  op: string;
  milliseconds: number;
  /** Shapes of its inputs, in order. */
  shapes: readonly (readonly number[])[];
}

/** Times of the counted runs. */
export interface ProfiledTimes {
  /** Inside of runs, milliseconds, operators and what the library does around them. */
  runs: number;
  operators: readonly OperatorTime[];
}

/** Name of a node in a model: the kernel's, and places in the graph and in the lowering. */
export function profileName(kernel: string, node: number, part: number): string {
  return `${kernel}#${node}.${part}`;
}

/** Fields of an event that the library writes, of those that are read here; times in microseconds. */
interface ProfileEvent {
  cat: string;
  name: string;
  ts: number;
  dur: number;
  args?: { op_name?: string; input_type_shape?: Record<string, number[]>[] };
}

/** Gathers profiles of a backend's sessions. */
export class OnnxProfiler {
  readonly #sessions: ProfiledSession[] = [];
  #counting = false;

  /** @param folder Existing one, for the library's files. */
  constructor(readonly folder: string) {}

  /** Runs count from now on. */
  begin(): void {
    this.#counting = true;
  }

  /** Runs don't count any longer. */
  end(): void {
    this.#counting = false;
  }

  /** The profile of a session that is to be made. */
  open(): ProfiledSession {
    const path = join(this.folder, `session-${this.#sessions.length}`);
    const session = new ProfiledSession(path, () => this.#counting);
    this.#sessions.push(session);
    return session;
  }

  /** Times of what counted. @throws {Error} If a session still runs. */
  async times(): Promise<ProfiledTimes> {
    const all = await Promise.all(this.#sessions.map((session) => session.times()));
    return {
      runs: all.reduce((sum, { runs }) => sum + runs, 0),
      operators: all.flatMap(({ operators }) => operators),
    };
  }
}

/** The profile of one session. */
export class ProfiledSession {
  /** True if each run counts. */
  readonly #counted: boolean[] = [];
  /** File that the library wrote, when the session has ended. */
  file: string | null = null;

  constructor(readonly path: string, private readonly counting: () => boolean) {}

  /** A run begins. */
  ran(): void {
    this.#counted.push(this.counting());
  }

  /** @throws {Error} If the session hasn't ended. */
  async times(): Promise<ProfiledTimes> {
    if (this.file === null) throw new Error("Cannot read a profile: the session still runs");
    return countedTimes(JSON.parse(await Deno.readTextFile(this.file)), this.#counted);
  }
}

/** Times of the counted runs in the events of a session. */
export function countedTimes(events: readonly ProfileEvent[], counted: readonly boolean[]): ProfiledTimes {
  const inTime = (name: (event: ProfileEvent) => boolean) =>
    events.filter(name).toSorted((a, b) => a.ts - b.ts || b.dur - a.dur);
  const runs = inTime(({ cat, name }) => cat === "Session" && name === "model_run")
    .filter((_, run) => counted[run]);
  const nodes = inTime(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
  const operators: OperatorTime[] = [];
  let run = 0, covered = -Infinity;
  for (const { name, ts, dur, args = {} } of nodes) {
    while (run < runs.length && ts >= end(runs[run])) run++;
    // Events inside of a Loop or an If are part of that.
    const within = runs[run];
    if (!within || ts < within.ts || ts < covered) continue;
    covered = ts + dur;
    operators.push({
      kernel: /^(\w+)#\d+\.\d+/.exec(name)?.[1] ?? null,
      op: args.op_name ?? "",
      milliseconds: dur / 1000,
      shapes: (args.input_type_shape ?? []).flatMap((input) => Object.values(input)),
    });
  }
  return { runs: runs.reduce((sum, { dur }) => sum + dur, 0) / 1000, operators };
}

function end(event: ProfileEvent | undefined): number {
  return event ? event.ts + event.dur : Infinity;
}
