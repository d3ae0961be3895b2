/**
 * A judge card as text: Markdown, or aligned lines for a terminal.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { failureText } from "../../ask/failures.ts";
import { alignedRows, markdownTable, markdownText } from "../../common/report/table.ts";
import type { JudgeCard } from "../judge_card/judge_card.ts";
import type { PlaceEffect, Reordered } from "../judge_card/reorder.ts";
import type { Measured } from "../statistics/measured.ts";

type Row = [what: string, value: string];

/** The card as Markdown. */
export function judgeCardText(card: JudgeCard): string {
  const columns = [{ title: "", align: "left" as const }, { title: "", align: "left" as const }];
  const table = markdownTable({ columns, rows: cardRows(card) });
  return [`# Judge card: ${markdownText(card.judge)}`, "", ...table, ""].join("\n");
}

/** The card for a person at a terminal: nothing is escaped, as nothing reads it as markup. */
export function judgeCardLines(card: JudgeCard): string {
  const rows = cardRows(card).map((row) => row.map((text) => text.replaceAll(/\s+/g, " ")));
  return [`Judge card: ${card.judge}`, "", ...alignedRows(rows, ["left", "left"]), ""].join("\n");
}

function cardRows(card: JudgeCard): Row[] {
  const { agreement } = card;
  const beyond = agreement === null ? "" : " beyond the reference's";
  return [
    ["benchmark", card.benchmark],
    ["judged answers", `${card.answers} with ${counted(card.constraints, "constraint")}`],
    ...(card.unjudged === 0 ? [] : [
      ["answers it hasn't judged", `${card.unjudged}, in no number below`] satisfies Row,
    ]),
    ["constraints it left unscored", percent(card.unscored)],
    ["requests per answer", number(card.requests, 2)],
    ["tokens for 1,000 answers", card.tokensPerThousand.toFixed(0)],
    [
      "cost of 1,000 answers",
      card.costPerThousand === null ? "– (no args.prices)" : number(card.costPerThousand, 2),
    ],
    ["seconds per answer", number(card.seconds, 2)],
    ...(agreement === null ? [] : agreementRows(agreement)),
    [
      `length bias: correlation of the score${beyond} with the answer's length`,
      withInterval(card.lengthBias, "answer"),
    ],
    [
      `correlation of the score${beyond} with the constraint's place`,
      withInterval(card.positionBias, "answer"),
    ],
    ...(card.reordered === null ? [] : reorderedRows(card.reordered)),
  ];
}

/** Why a card says nothing of its reference; null when it does, or has none. */
export function nothingAgreedText({ agreement, constraints, unscored }: JudgeCard): string | null {
  if (agreement === null || agreement.constraints > 0) return null;
  return `Nothing compared: of ${counted(constraints, "constraint")} (${
    percent(unscored)
  } unscored by the judge) none has a verdict ` +
    `of the judge and one of ${agreement.reference}; give a reference that judges these constraints of the same answers ` +
    "(another judge has them from a model of type recorded, with this run's BENCHMARK_MODEL.json as args.path)";
}

/** Why a card says nothing of the other order; null when it does, or wasn't asked for. */
export function nothingReorderedText({ reordered }: JudgeCard): string | null {
  const measured = reordered?.effects[0]?.constraints ?? 0;
  if (reordered === null || measured > 0) return null;
  const { answers, failed, failures } = reordered;
  const why = failed > 0
    ? ` (${failures.map(failureText).join("; ")}); mend that and make the card again`
    : "; the run's report.html shows how this judge writes";
  return `Nothing measured in reverse order: of ${
    counted(answers + failed, "answer")
  } the judge could be asked about ` +
    `${answers} again, and no constraint has a score in both orders${why}`;
}

function agreementRows(a: NonNullable<JudgeCard["agreement"]>): Row[] {
  return [
    ["compared with", `${a.reference}, ${counted(a.constraints, "constraint")}`],
    ["same verdict (met or not)", percent(a.accuracy)],
    ["Cohen's kappa", number(a.kappa)],
    ["Krippendorff's alpha of scores", number(a.alpha)],
    ["Spearman's correlation of scores", number(a.correlation)],
    ["too kind", percent(a.tooKind)],
    ["too strict", percent(a.tooStrict)],
    ["lenience (share met, judge minus reference)", number(a.lenience)],
  ];
}

function reorderedRows({ answers, failed, failures, effects }: Reordered): Row[] {
  return [
    [
      "judged again in reverse order",
      `${counted(answers, "answer")}${failed === 0 ? "" : `; ${failed} more couldn't be asked about`}`,
    ],
    ...failures.map((failure): Row => ["why not", failureText(failure)]),
    ...effects.flatMap((e: PlaceEffect, i): Row[] => {
      const of = i === 0 ? "" : ` (${e.judge})`;
      return [
        [
          `position bias${of}: last place minus first`,
          `${withInterval(e.effect, "answer")}: ${finding(e.effect)}`,
        ],
        [`same verdict in both orders${of}`, `${percent(e.same)} of ${counted(e.constraints, "constraint")}`],
        [`without a score in one order${of}`, `${counted(e.unscored, "constraint")}, in neither`],
      ];
    }),
  ];
}

function number(value: number | null, digits = 3): string {
  return value === null ? "–" : value.toFixed(digits);
}

function percent(value: number | null): string {
  return value === null ? "–" : `${(100 * value).toFixed(1)} %`;
}

function withInterval({ value, interval, n }: Measured, unit: string): string {
  const ends = interval === null ? "" : ` (95 %: ${number(interval[0])} to ${number(interval[1])})`;
  return `${number(value)}${ends}, ${counted(n, unit)}`;
}

/** Says in words if 0 is in the interval. */
function finding({ value, interval }: Measured): string {
  if (value === null || interval === null) return "too little to tell";
  if (interval[0] <= 0 && interval[1] >= 0) return "none found";
  return value > 0 ? "kinder to late constraints" : "kinder to early constraints";
}
