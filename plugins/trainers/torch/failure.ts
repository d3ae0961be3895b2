/**
 * From what dead processes left behind to one sentence: which rank failed, why, and what to do.
 * @module
 */
import { shortened } from "../../../formats/message.ts";

/** A line of a rank about itself (python/dinotune_torch/failure.py). */
export interface RankError {
  rank: number;
  /** `collective`: it lost another rank, which is the one to blame. */
  kind: "setup" | "memory" | "collective" | "other";
  message: string;
  trace: string;
}

/** A process that ended by itself. */
export interface EndedProcess {
  /** null: a launcher of several ranks. */
  rank: number | null;
  status: Deno.CommandStatus;
  /** All that it and its children wrote on standard error. */
  text: string;
}

const MARK = "DINOTUNE_ERROR ";

/** Errors that ranks wrote to standard error, one per rank that had time to. */
function rankErrors(text: string): RankError[] {
  return text.split("\n").filter((line) => line.includes(MARK)).flatMap((line) => {
    try {
      return [JSON.parse(line.slice(line.indexOf(MARK) + MARK.length)) as RankError];
    } catch {
      return []; // cut off in the middle by its end
    }
  });
}

/** Ranks that a signal ended: told by their own status, or by torchrun's report. */
function killed({ rank, status, text }: EndedProcess): { rank: number; signal: string }[] {
  if (rank !== null) return status.signal === null ? [] : [{ rank, signal: status.signal }];
  return [
    ...text.matchAll(/rank\s*:\s*(\d+)[^\n]*\n[^\n]*exitcode\s*:\s*-(\d+)[\s\S]*?Signal \d+ \((\w+)\)/g),
  ]
    .map(([, number, , name]) => ({ rank: Number(number), signal: `${name}` }));
}

/** A rank that ended without a word: whatever ended it, it wasn't the loss of another rank. */
function isSilent(one: EndedProcess): boolean {
  return one.rank !== null && killed(one).length === 0 && rankErrors(one.text).length === 0;
}

/** True if it is clear already which rank failed, so that the others needn't be waited for. */
export function causeIsKnown(ended: readonly EndedProcess[]): boolean {
  return ended.some((one) =>
    killed(one).length > 0 || isSilent(one) || rankErrors(one.text).some(({ kind }) => kind !== "collective")
  );
}

/** The error of a run whose processes ended. */
export function failureOf(ended: readonly EndedProcess[], world: number, doing: "start" | "continue"): Error {
  const errors = ended.flatMap(({ text }) => rankErrors(text));
  const own = errors.find(({ kind }) => kind !== "collective");
  const of = world > 1 ? ` ${(own ?? errors[0])?.rank ?? 0} of ${world}` : "";
  const signal = ended.flatMap(killed)[0];
  if (own?.kind === "setup") return new Error(own.message);
  if (own?.kind === "memory") {
    return new Error(
      `Cannot ${doing} as PyTorch rank${of} is out of memory: ${
        shortened(own.message, 300)
      }. Lower micro_batch_tokens or ` +
        "cutoff_len, leave disable_gradient_checkpointing false, or set sharding: fsdp, cpu_offload: true or quantization: 4bit in " +
        `trainer_options`,
      { cause: own.trace },
    );
  }
  if (own) {
    return new Error(`Cannot ${doing} as PyTorch rank${of} failed: ${shortened(own.message, 600)}`, {
      cause: own.trace,
    });
  }
  if (signal) {
    const number = world > 1 ? ` ${signal.rank} of ${world}` : "";
    const why = signal.signal === "SIGKILL"
      ? ": someone ended it, or the system did for want of memory (dmesg tells)"
      : "";
    return new Error(`Cannot ${doing} as PyTorch rank${number} was ended by ${signal.signal}${why}`);
  }
  const launcher = ended.find(({ rank, status }) => rank === null && status.signal !== null);
  if (launcher) {
    return new Error(`Cannot ${doing} as the ranks' launcher was ended by ${launcher.status.signal}`);
  }
  const silent = ended.find(isSilent);
  if (errors[0] && !silent) {
    return new Error(
      `Cannot ${doing} as PyTorch rank${of} lost the others: ${shortened(errors[0].message, 300)}`,
      { cause: errors[0].trace },
    );
  }
  const first = silent ?? ended[0], last = first?.text.trim().split("\n").slice(-6).join("\n") ?? "";
  const lacks = /No module named '([\w.]+)'/.exec(last)?.[1]?.split(".")[0];
  if (lacks !== undefined) {
    return new Error(
      `Cannot run PyTorch as the Python of trainer_options or DINOTUNE_PYTHON lacks ${lacks}: install it with that Python's ` +
        `-m pip install ${lacks}, or name another one (deno task doctor says what is there)`,
    );
  }
  const who = first?.rank === null || world === 1
    ? "the Python process"
    : `PyTorch rank ${first?.rank} of ${world}`;
  return new Error(
    `Cannot ${doing} as ${who} ended with ${first?.status.code ?? "?"}: ${
      shortened(last || "it said nothing", 800)
    }`,
  );
}
