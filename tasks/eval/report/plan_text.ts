/**
 * The plan of a run as text.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { textTable } from "../../common/report/table.ts";
import type { EndpointPlan } from "../plan/endpoint_plan.ts";
import type { RunPlan } from "../plan/plan.ts";

const IS = ["is", "are"] as const;

/** The plan of a run as text: a sentence about the items, a row per endpoint, the time. */
export function planText(plan: RunPlan, width?: number): string {
  const { items, constraints, scores, answered, cached, endpoints, seconds, basis, notes } = plan;
  const names = Object.entries(scores).map(([name, max]) => max === 1 ? name : `${name} (0 to ${max})`);
  const most = endpoints.map(({ cost }) => cost?.most ?? null);
  const known = endpoints.length > 0 && most.every((cost) => cost !== null);
  const total = most.reduce<number>((sum, cost) => sum + (cost ?? 0), 0);
  return [
    `${counted(items, "item")} with ${counted(constraints, "constraint")}; scores ${names.join(", ")}`,
    `${counted(answered, "item", IS)} answered in the run directory, ${
      counted(cached, "answer", IS)
    } in the response cache`,
    ...notes.map((note) => `note: ${note}`),
    ...(endpoints.length === 0 ? ["No model is asked"] : [
      "",
      ...textTable({
        columns: [
          { title: "asked", align: "left" },
          { title: "requests" },
          { title: "prompt tokens" },
          { title: "answer tokens" },
          { title: "cost" },
        ],
        rows: endpoints.map((e) => [
          `${e.role} ${e.model}`,
          e.role === "judge" ? `>= ${e.requests}` : String(e.requests),
          `about ${e.promptTokens}`,
          e.answerTokens === null ? "no limit" : `<= ${e.answerTokens}`,
          costText(e.cost),
        ]),
      }, width),
      "",
      "Prompt tokens are estimated from characters.",
      ...(known && total > 0 ? [`Cost: at most ${total.toFixed(4)} by args.prices.`] : []),
      ...(seconds === null ? [] : [`Time: at most about ${duration(seconds)} (${basis}).`]),
      ...endpoints.flatMap(({ role, model, ping }) =>
        ping === null ? [] : [
          `Ping of ${role} ${model}: ${ping.outcome} after ${
            Math.round(ping.milliseconds)
          } ms, ${ping.completionTokens} tokens: ${JSON.stringify(ping.text.slice(0, 200))}`,
        ]
      ),
    ]),
  ].join("\n");
}

function costText(cost: EndpointPlan["cost"]): string {
  if (cost === null) return "unknown (no args.prices)";
  if (cost.most === 0) return "none";
  return cost.most === null
    ? `>= ${cost.least.toFixed(4)}`
    : `${cost.least.toFixed(4)} to ${cost.most.toFixed(4)}`;
}

function duration(seconds: number): string {
  return seconds < 90
    ? `${Math.ceil(seconds)} s`
    : seconds < 5400
    ? `${Math.ceil(seconds / 60)} min`
    : `${(seconds / 3600).toFixed(1)} h`;
}
