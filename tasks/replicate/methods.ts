/**
 * The methods of the paper's tables 3 and 4 that are compared here, and what each of them is trained on.
 * @module
 */
import type { Quadruple } from "./records.ts";

/** Name of a trained method. */
export type MethodName =
  | "sft"
  | "dpo"
  | "iopo"
  | "iopo_without_output"
  | "iopo_without_input";

/** One method. */
export interface Method {
  /** In paths. */
  name: MethodName;
  /** In tables. */
  title: string;
  /** Whose learning rates are tried. */
  rates: "sft" | "preference";
  /** Records that have as many answers to score as one quadruple, which has four. */
  perQuad: number;
  /** Data set of {@linkcode VIEWS}. */
  view: keyof typeof VIEWS;
  /** Keys of its training. */
  keys: Readonly<Record<string, unknown>>;
}

/** Records of a quadruple, and how dataset_info.json describes them. */
export const VIEWS = {
  sft: {
    records: ({ x1, y1, x2, y2 }: Quadruple) => [
      { instruction: x1, output: y1 },
      { instruction: x2, output: y2 },
    ],
    entry: { columns: { prompt: "instruction", response: "output" } },
  },
  dpo: {
    records: ({ x1, y1, worse }: Quadruple) => [{ instruction: x1, chosen: y1, rejected: worse }],
    entry: {
      ranking: true,
      columns: { prompt: "instruction", chosen: "chosen", rejected: "rejected" },
    },
  },
  iopo: {
    records: ({ x1, y1, x2, y2 }: Quadruple) => [{ x1, y1, x2, y2 }],
    entry: { ranking: true, formatting: "quads" },
  },
} as const;

const iopo = { rates: "preference", perQuad: 1, view: "iopo" } as const;

/** The trained ones, in the order of the tables. */
export const METHODS: readonly Method[] = [
  { name: "sft", title: "SFT", rates: "sft", perQuad: 4, view: "sft", keys: { stage: "sft" } },
  {
    name: "dpo",
    title: "DPO",
    rates: "preference",
    perQuad: 2,
    view: "dpo",
    keys: { stage: "dpo" },
  },
  { ...iopo, name: "iopo", title: "IOPO", keys: { stage: "iopo", iopo_variant: "full" } },
  {
    ...iopo,
    name: "iopo_without_output",
    title: "IOPO w/o output preference",
    keys: { stage: "iopo", iopo_variant: "without_output_preference" },
  },
  {
    ...iopo,
    name: "iopo_without_input",
    title: "IOPO w/o input preference",
    keys: { stage: "iopo", iopo_variant: "without_input_preference" },
  },
];

/** The row of the untrained model. */
export const BASE = { name: "base", title: "Base" } as const;
