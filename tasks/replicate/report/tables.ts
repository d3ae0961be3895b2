/**
 * Tables of a replication.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { Table } from "../../common/report/table.ts";
import { type CrossedDifference, crossedDifference, seededMean } from "../../eval/statistics/crossed.ts";
import { METHODS } from "../methods.ts";
import type { MethodResult, Replication } from "../run.ts";
import { distinctEvaluations, type Measure, MEASURES, scoresOf } from "../scores.ts";

/** One measure of one method, as shares. */
export interface Cell {
  /** The measure that the numbers are of. */
  measure: Measure;
  /** Mean over items and seeds. */
  value: number;
  /** Lowest and highest seed. */
  seeds: [low: number, high: number];
}

/** A method's row. */
export interface Row {
  /** Results of the method. */
  method: MethodResult;
  /** One for each of {@linkcode MEASURES}. */
  cells: Cell[];
}

/** A method against IOPO. */
export interface Against {
  /** Name of the method that IOPO is compared with. */
  other: string;
  /** IOPO minus the other, one for each of {@linkcode MEASURES}. */
  differences: CrossedDifference[];
}

/** Numbers of all tables. */
export interface Numbers {
  /** In the order of the methods. */
  rows: Row[];
  /** IOPO against each other method. */
  against: Against[];
}

/** Title of the method that is compared with all others. */
export const IOPO = item(METHODS.filter(({ name }) => name === "iopo").map(({ title }) => title), 0);

/** Computes the numbers. */
export function numbersOf({ methods, config }: Replication): Numbers {
  const rows = methods.map((method) => ({
    method,
    cells: MEASURES.map((measure) => {
      const scores = scoresOf(method.evaluations, measure);
      const bySeed = scores.values.map((values) => seededMean({ values: [values], weights: scores.weights }));
      const seeds: Cell["seeds"] = [Math.min(...bySeed), Math.max(...bySeed)];
      return { measure, value: seededMean(scores), seeds };
    }),
  }));
  const iopo = methods.find(({ title }) => title === IOPO);
  const against = iopo === undefined ? [] : methods.filter((method) => method !== iopo).map((method) => ({
    other: method.title,
    differences: MEASURES.map((measure) =>
      crossedDifference(
        scoresOf(method.evaluations, measure),
        scoresOf(iopo.evaluations, measure),
        config.resamples,
        config.seed,
      )
    ),
  }));
  return { rows, against };
}

/** The paper's table: a row a method. */
export function mainTable({ rows }: Numbers): Table {
  return {
    columns: [
      { title: "method", align: "left" },
      { title: "learning rate", spare: 1 },
      ...MEASURES.map(({ title }) => ({ title })),
    ],
    rows: rows.map(({ method, cells }) => [
      method.title,
      method.rate === null ? "" : rateText(method.rate),
      ...cells.map(({ value, seeds: [low, high] }) =>
        low === high ? inPercent(value) : `${inPercent(value)} (${inPercent(low)}–${inPercent(high)})`
      ),
    ]),
  };
}

/** Paired differences, in percentage points. */
export function againstTable({ against }: Numbers): Table {
  return {
    columns: [
      { title: `${IOPO} minus`, align: "left" },
      ...MEASURES.map(({ title, of }) => of === "followed" ? { title } : { title, spare: 1 }),
    ],
    rows: against.map(({ other, differences }) => [
      other,
      ...differences.map(({ difference, interval }) =>
        interval === null
          ? points(difference)
          : `${points(difference)} [${points(interval[0])}, ${points(interval[1])}]`
      ),
    ]),
  };
}

/** Validation score of every rate. */
export function tuningTable({ tried }: Pick<Replication, "tried">): Table {
  return {
    columns: [
      { title: "method", align: "left" },
      { title: "learning rate" },
      { title: "validation: constraints" },
      { title: "chosen", align: "left" },
    ],
    rows: tried.map(({ arm, score, chosen }) => [
      arm.method.title,
      rateText(arm.rate),
      inPercent(score),
      chosen ? "chosen" : "",
    ]),
  };
}

/** Costs of each training, and facts of its model's answers. */
export function trainingTable({ methods, config }: Replication): Table {
  return {
    columns: [
      { title: "method", align: "left" },
      { title: "steps" },
      { title: "answers a step", spare: 2 },
      { title: "tokens" },
      { title: "seconds", spare: 1 },
      { title: "tokens an answer", spare: 3 },
      { title: "cut, %" },
      { title: "unscored" },
    ],
    rows: methods.map((method) => {
      const { title, trainings } = method, evaluations = distinctEvaluations(method);
      const items = evaluations.reduce((sum, one) => sum + one.items.size, 0);
      const sum = (pick: (evaluation: typeof evaluations[number]) => number) =>
        evaluations.reduce((all, one) => all + pick(one), 0);
      const mean = (pick: (training: typeof trainings[number]) => number | null) => {
        const known = trainings.map(pick).filter((value) => value !== null);
        return known.length === 0
          ? ""
          : Math.round(known.reduce((a, b) => a + b, 0) / known.length).toString();
      };
      return [
        title,
        mean(({ steps }) => steps),
        trainings.length === 0 ? "" : String(4 * config.quads),
        mean(({ tokens }) => tokens),
        mean(({ seconds }) => seconds),
        (sum(({ tokens }) => tokens) / items).toFixed(1),
        inPercent(sum(({ cut }) => cut) / items),
        String(sum(({ unscored }) => unscored)),
      ];
    }),
  };
}

/** Every number of the paper's table and the differences, not rounded. */
export function numberTable({ rows, against }: Numbers): Table {
  const columns = ["method", "learning_rate", "measure", "value", "lowest_seed", "highest_seed"];
  const differences = ["iopo_minus_method", "low", "high"];
  return {
    columns: [...columns, ...differences].map((title) => ({ title })),
    rows: rows.flatMap(({ method, cells }) => {
      const other = against.find((one) => one.other === method.title);
      return cells.map(({ measure, value, seeds }, i) => {
        const found = other?.differences[i];
        return [
          method.title,
          method.rate === null ? "" : String(method.rate),
          measure.title,
          ...[value, ...seeds].map(String),
          ...found === undefined
            ? ["", "", ""]
            : [found.difference, ...found.interval ?? ["", ""]].map(String),
        ];
      });
    }),
  };
}

/** `12.3`, of a hundred. */
export function inPercent(share: number): string {
  return (100 * share).toFixed(1);
}

/** `+1.2`, in percentage points. */
export function points(share: number): string {
  const text = (100 * share).toFixed(1);
  return share < 0 || text === "0.0" || text === "-0.0" ? text.replace("-0.0", "0.0") : `+${text}`;
}

/** A learning rate, such as `5e-6`. */
export function rateText(rate: number): string {
  return rate.toExponential().replace("e+", "e");
}
