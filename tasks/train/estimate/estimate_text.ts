/**
 * An estimate as text.
 * @module
 */
import { type PackRows, packRowsText } from "../../../kernels/engine/pack_rows.ts";
import type { Estimate } from "./types.ts";

/** The estimate as text. */
export function estimateText(e: Estimate, packs: PackRows | null = null): string {
  const { memory, time } = e;
  return [
    `weights      ${e.storage}`,
    ...(e.shaders === undefined ? [] : [`shaders      ${e.shaders}`]),
    `parameters   ${millions(e.parameters)}, trained ${millions(e.trained)} (${
      (100 * e.trained / e.parameters).toFixed(2)
    } %)`,
    `rows         ${
      e.rowsPerExample.toFixed(0)
    } per example through the model (shared beginnings once), at most ${e.largestExample}`,
    ...(packs ? [`packs        ${packRowsText(packs)}`] : []),
    `steps        ${e.steps}`,
    `memory       about ${gb(memory.total)}${whose(e)}: weights ${gb(memory.weights)}, training state ${
      gb(memory.trained)
    }, activations ${gb(memory.activations)}, runtime ${gb(memory.runtime)}${
      memory.drawing === undefined ? "" : `, the model that draws answers ${gb(memory.drawing)}`
    }${memory.saving === undefined ? "" : `, saving ${gb(memory.saving)}`}`,
    ...(e.reference === undefined ? [] : [
      `reference    a pass of ref_model before, which is over when training begins: about ${
        gb(e.reference.total)
      }${whose(e)}: weights ${gb(e.reference.weights)}, activations ${gb(e.reference.activations)}, runtime ${
        gb(e.reference.runtime)
      }`,
    ]),
    `work         ${(e.flopsPerStep / 1e12).toPrecision(3)} TFLOP per step`,
    time === null
      ? "time         not measured"
      : `time         about ${duration(time.total)}: ${duration(time.step)} per step at ${
        e.gflops!.toFixed(0)
      } GFLOP/s` +
        (time.reference > 0 ? `, reference log-probabilities ${duration(time.reference)}` : ""),
    ...(e.drawnTokens === undefined ? [] : [
      `answers      rows, memory and time count ${e.drawnTokens} tokens for each (max_new_tokens); drawing and judging them isn't in the time`,
    ]),
  ].join("\n");
}

/**
 * A warning where a run needs more memory than the machine has; null where it doesn't, or where a device's memory counts.
 * @param machine Bytes of its memory
 */
export function memoryWarning(
  { memory, reference, place, processes, fewerBits }: Pick<
    Estimate,
    "memory" | "reference" | "place" | "processes" | "fewerBits"
  >,
  machine: number,
): string | null {
  const isReference = reference !== undefined && reference.total > memory.total;
  const { total, activations } = isReference ? reference : memory;
  if (place !== "host" || total * processes <= machine) return null;
  const way = 2 * activations > total
    ? "set a smaller micro_batch_tokens, or a smaller cutoff_len"
    : isReference
    ? `take a smaller ref_model${fewerBits.reference ? ", or ref_model_quantization_bit: 4" : ""}`
    : `take a smaller model${fewerBits.model ? ", or quantization_bit: 4" : ""}`;
  return `warning: memory: the run needs about ${gb(total * processes)}, and this machine has ${
    gb(machine)
  }: ${way}`;
}

function gb(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function whose({ place, processes }: Pick<Estimate, "place" | "processes">): string {
  if (processes > 1) return ` of each of ${processes} processes${place === "device" ? "' devices" : ""}`;
  if (place === "device alone") return " of the device's";
  return place === "device" ? " of the device's, and as much as the weights of the host's" : "";
}

function millions(n: number): string {
  return n >= 1e9
    ? `${(n / 1e9).toFixed(2)} billion`
    : n >= 1e6
    ? `${(n / 1e6).toFixed(1)} million`
    : String(n);
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toPrecision(2) : seconds.toFixed(0)} s`;
  if (seconds < 3600) return `${(seconds / 60).toFixed(0)} min`;
  return seconds < 172800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86400).toFixed(0)} days`;
}
