/**
 * Parts that a run is made of, and whether a run directory holds the same run.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import type { ItemStore } from "../store/item_store.ts";
import type { BenchmarkPart, JudgePart, ModelPart } from "../parts.ts";
import type { EvalProvenance } from "../config/run_yaml.ts";
import type { EvalStage } from "./stages.ts";

/**
 * The parts of the run; what this start doesn't need is as it was.
 * @param before Of the run directory; null where there is no run yet
 * @throws {RangeError} If a stage is to run alone and the directory lacks what it builds on
 */
export function provenanceOf({ part, model, judge, before, version }: {
  part: BenchmarkPart;
  model: ModelPart | null;
  judge: JudgePart | null;
  before: EvalProvenance | null;
  version: string;
}): EvalProvenance {
  const missing = (stage: EvalStage): never => {
    throw new RangeError(
      `Cannot run this stage alone as the directory has no run yet: run the stage ${stage} first`,
    );
  };
  return {
    dinotune: version,
    benchmark: judge === null && before !== null && nameIn(before.benchmark) === part.name
      ? before.benchmark
      : `${part.name} ${part.version}`,
    model: model?.endpoint.model ?? before?.model ?? missing("generate"),
    endpoint: model?.plugin ?? before?.endpoint ?? missing("generate"),
    ...revisionOf(model, before),
    answers: model?.key ?? before?.answers ?? missing("generate"),
    judged_by: judge?.title ?? before?.judged_by ?? "",
    judge: judge?.key ?? before?.judge ?? "",
  };
}

/** The benchmark's name in what run.yaml says of it, without its version. */
function nameIn(benchmark: string): string {
  return benchmark.slice(0, benchmark.lastIndexOf(" "));
}

/**
 * What becomes of verdicts that another version of the benchmark asked for and read; null where there are none.
 * @param judges True if this start gives verdicts
 */
export function otherVersionNote(
  before: EvalProvenance | null,
  part: BenchmarkPart,
  store: ItemStore,
  judges: boolean,
): string | null {
  const now = `${part.name} ${part.version}`, kept = store.count("judge");
  if (before === null || before.benchmark === now || kept === 0) return null;
  const verdicts = `${counted(kept, "verdict", ["is", "are"])} of ${before.benchmark}`;
  return judges
    ? `note: ${verdicts}, which judges otherwise than ${now}: all are given again; --rescore shows them as they are`
    : `note: ${verdicts}, which judges otherwise than ${now}: they are shown as they are; a start without --rescore or --stage gives all again`;
}

function revisionOf(model: ModelPart | null, before: EvalProvenance | null): { revision?: string } {
  const revision = model === null ? before?.revision : model.endpoint.revision?.commit;
  return revision === undefined ? {} : { revision };
}

/**
 * Refuses a directory with answers of another run. Another version of the benchmark is none: questions that it asks otherwise are asked
 * again, and so are verdicts.
 * @param start Its out_dir, and its model: null where this start asks none
 * @throws {RangeError} If benchmark, model, endpoint or sampling differ
 */
export function refuseOtherRun(
  before: EvalProvenance | null,
  now: EvalProvenance,
  store: ItemStore,
  { out_dir, model }: { out_dir: string; model: ModelPart | null },
): void {
  if (before === null || store.count("generate") === 0) return;
  const changed = (["benchmark", "model", "endpoint", "answers"] as const).filter((key) =>
    key === "benchmark" ? nameIn(before[key]) !== nameIn(now[key]) : before[key] !== now[key]
  );
  if (changed.length === 0) return;
  const what = changed.includes("benchmark")
    ? `${before.benchmark} (now ${now.benchmark})`
    : changed.includes("model")
    ? `the model ${before.model} (now ${now.model})`
    : before.revision !== undefined && now.revision !== undefined && before.revision !== now.revision
    ? `the model ${before.model} at commit ${before.revision} (now ${now.revision})`
    : before.answers === model?.earlierKey
    ? `an earlier version, which didn't note the commit of ${
      model.endpoint.revision?.name ?? before.model
    }, ` +
      `so they may be of other weights (now ${now.revision})`
    : `the model ${before.model} with other weights, tokenizer, chat template, address, sampling or version`;
  const { revision } = model?.endpoint ?? {};
  const pinned = before.revision !== undefined && before.revision !== now.revision && revision
    ? `model.args.model=${
      revision.name.replace(/@.*/, "")
    }@${before.revision} model.args.name=${before.model} continues ` +
      "them; else "
    : "";
  throw new RangeError(
    `Cannot continue in ${out_dir} as it holds ${
      counted(store.count("generate"), "answer")
    } of a run of ${what}: ${pinned}` +
      "choose another out_dir, remove this one, or set overwrite=true" +
      (before.answers === model?.earlierKey ? "; --rescore shows what is there" : ""),
  );
}
