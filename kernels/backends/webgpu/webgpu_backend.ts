/**
 * The WebGPU backend's options and interface.
 * @module
 */
import type { Backend } from "../../backend.ts";
import type { HalfStorage } from "./device/half.ts";

/** Options of the WebGPU backend. */
export interface WebGpuOptions {
  /** Power preference where there are two adapters. Default "high-performance". */
  powerPreference?: "low-power" | "high-performance";
  /** Largest storage binding to use, bytes, ≥ 256; default: all that the adapter allows. Smaller ones try the splitting of operands. */
  bindingBytes?: number;
  /** Frozen matrices kept as float16 where the adapter supports it and passes a test. Default "exact". */
  half?: HalfStorage;
  /** Most invocations of a subgroup that shaders rely on, a power of two ≥ 4, or 0 for no subgroup functions; default: as many as the device has. */
  subgroups?: number;
  /**
   * Whether a GGUF file's quantised blocks are handed over as they are and taken apart on the device, where that passes a test: never (the
   * default), on GPUs that aren't a CPU in disguise, or always. Elsewhere the host makes the same bits of them.
   */
  blocks?: "never" | "hardware" | "always";
  /** Where adapters come from; default `navigator.gpu`. */
  gpu?: GPU | undefined;
}

/** The backend, and what `auto`, `doctor` and tests ask about it. */
export interface WebGpuBackend extends Backend {
  /** True if the adapter is a CPU in disguise; `auto` never chooses such a one. */
  readonly software: boolean;
  /** GPU buffers that exist and their bytes, and pipelines made so far. */
  stats(): { buffers: number; bytes: number; pipelines: number };
  /**
   * Dispatches of programs, their command buffers and all submits so far, and what was made for them: plans of sizes, groups of bindings; tensors
   * read back, and stretches in which the host waited for the device.
   */
  readonly work: Readonly<
    Record<"dispatches" | "buffers" | "submits" | "plans" | "bindGroups" | "downloads" | "waits", number>
  >;
  /** The device, for tests and for measuring. */
  readonly device: GPUDevice;
  /** Frozen matrices kept as float16, the reason when there are none, and their number so far. */
  readonly half: Readonly<{ storage: HalfStorage; why: string; kept: number; frozen: number }>;
  /** Invocations of a subgroup that shaders rely on, 0 without subgroup functions, and the reason then. */
  readonly subgroups: Readonly<{ least: number; why: string }>;
  /**
   * Seconds on the device's own clock of the programs that `work` runs, at most 256; absent where the device has no such clock.
   * @throws {RangeError} If there are more.
   */
  timed?(work: () => Promise<void>): Promise<number>;
  /** Waits until all work is done. */
  finish(): Promise<void>;
}
