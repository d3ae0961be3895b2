/**
 * Parts that page and Markdown of a replication share.
 * @module
 */
import type { Table } from "../../common/report/table.ts";
import type { ReplicateConfig } from "../config.ts";
import type { Replication } from "../run.ts";
import { remarksOf } from "./remarks.ts";
import { againstTable, mainTable, type Numbers, numbersOf, trainingTable, tuningTable } from "./tables.ts";

/** Title of page and Markdown: a model's folder or file, a folder named only `model` with the one that it lies in. */
export function titleOf({ model }: Pick<ReplicateConfig, "model">): string {
  const parts = model.split(/[\\/]/).filter((part) => part !== "");
  const name = parts.slice(parts.at(-1) === "model" ? -2 : -1).join("/");
  return `Base, SFT, DPO and IOPO on ${name}`;
}

/** A part of the report. */
export interface Section {
  /** Text of its head. */
  title: string;
  /** Sentences below it. */
  note: string;
  /** Table under the head. */
  table: Table;
}

/** Everything that the files say. */
export interface ReplicationReport {
  /** Tables in order. */
  sections: Section[];
  /** Remarks that a reader needs to judge the numbers. */
  remarks: string[];
  /** Numbers of the tables. */
  numbers: Numbers;
}

/** Makes the report. */
export function reportOf(replication: Replication): ReplicationReport {
  const { config } = replication;
  const numbers = numbersOf(replication);
  const seeds = config.seeds.length;
  const spread = seeds === 1
    ? "One seed."
    : `Means over ${seeds} seeds; in brackets the lowest and the highest one.`;
  const way = `bootstrap over items${
    seeds === 1 ? "" : " and seeds, both drawn with replacement"
  }; where all changes go one way, Wilson's for paired shares${seeds === 1 ? "" : " too"}`;
  return {
    numbers,
    remarks: remarksOf(replication, numbers),
    sections: [
      {
        title: "Scores",
        note:
          `Percent of instructions whose answers keep every constraint (followed), and of constraints that are kept (kept). ${spread} ` +
          `New: instructions with a constraint of ${
            config.held_out.join(", ")
          }, which no method was trained on; ` +
          "of their constraints only those of such types count. Known: all others.",
        table: mainTable(numbers),
      },
      {
        title: "Differences",
        note:
          `Percentage points, the same instructions and seeds paired; in brackets 95 % intervals (${way}).`,
        table: againstTable(numbers),
      },
      {
        title: "Tuning",
        note: `Chosen is the rate with the highest share of the validation's constraints kept with seed ${
          config.seeds[0]
        }; of equal ones the lowest.`,
        table: tuningTable(replication),
      },
      {
        title: "Trainings and answers",
        note:
          "Every step scores as many answers. Tokens are those of all inputs with their answers, however many share an input. " +
          "Seconds depend on what else the machine did.",
        table: trainingTable(replication),
      },
    ],
  };
}
