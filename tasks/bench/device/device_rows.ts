/**
 * Rows of the table of a device: figures, those they are compared with, and the goals of docs/performance_webgpu.md.
 * @module
 */
import type { DeviceFigures, PartFigure } from "./device_figures.ts";

/** Goal of a ratio. */
export interface DeviceGoal {
  /** Words of it: "≤ 0.5". */
  text: string;
  holds(ratio: number): boolean;
}

const atMost = (most: number): DeviceGoal => ({ text: `≤ ${most}`, holds: (ratio) => ratio <= most });
const atLeast = (least: number): DeviceGoal => ({ text: `≥ ${least}`, holds: (ratio) => ratio >= least });

/** One row: what a part found, what it is compared with, and the goal of the ratio. */
export interface DeviceRow {
  name: string;
  found: PartFigure;
  unit: string;
  /** Of the other version, or of another part. */
  other?: PartFigure;
  /** The form of the ratio: "times" of the other, or "faster", the other's part of this one. */
  ratio?: "of" | "faster";
  goal?: DeviceGoal;
}

/** Rows of the table. A figure that a part didn't give is null. */
export function deviceRows(figures: DeviceFigures): DeviceRow[] {
  const cuda = (part: string): DeviceRow[] => [
    { name: `step with reference, ${part}`, found: figures.step(part), unit: "s" },
    { name: `first step after loading, ${part}`, found: figures.firstStep(part), unit: "s", goal: atMost(3) },
  ];
  const forms = ["host_float32", "host_bf16", "device_float32", "device_bf16"].map((form) => `cuda_${form}`);
  const decoding = [["decodeAfter32", "decode, one stream"], ["streams", "decode, 8 streams"], [
    "prompt",
    "prompt",
  ]] as const;
  return [
    {
      name: "step with reference",
      found: figures.step("train"),
      unit: "s",
      other: figures.step("train_before"),
      ratio: "of",
      goal: atMost(0.5),
    },
    ...(["attention_grad", "attention", "linear"] as const).map((name): DeviceRow => ({
      name,
      found: figures.kernel("kernels", name),
      unit: "ms",
      other: figures.kernel("kernels_before", name),
      ratio: "faster",
      ...(name !== "linear" && { goal: atLeast(name === "attention" ? 3 : 4) }),
    })),
    ...decoding.map(([name, title]): DeviceRow => ({
      name: title,
      found: figures.generated("generate", name),
      unit: "tokens/s",
      other: figures.generated("generate_before", name),
      ratio: "of",
      ...(name === "decodeAfter32" && { goal: atLeast(3) }),
    })),
    { name: "decode, 32 streams", found: figures.generated("generate_streams", "streams"), unit: "tokens/s" },
    {
      name: "process start to loaded model",
      found: figures.ready("load"),
      unit: "s",
      other: figures.ready("load_before"),
      ratio: "faster",
      goal: atLeast(4),
    },
    ...forms.flatMap(cuda),
    { name: "large model: step with reference", found: figures.step("large"), unit: "s" },
    ...["host", "device"].map((tensors): DeviceRow => ({
      name: `large model: cuda_${tensors}_bf16 beside webgpu's step`,
      found: figures.step(`large_cuda_${tensors}_bf16`),
      unit: "s",
      other: figures.step("large"),
      ratio: "faster",
      goal: atLeast(3),
    })),
  ];
}
