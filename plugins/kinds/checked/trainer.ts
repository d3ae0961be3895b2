/**
 * Checks of what a trainer of one's own gives and reports.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import type { LogSink, StepReport } from "../log_sink.ts";
import type { Trainer, TrainerInputs } from "../trainer.ts";
import { frozenCopy } from "./frozen.ts";
import { onlyFields, productFields } from "./fields_only.ts";
import { type Maker, replacing } from "./maker.ts";
import {
  aFunction,
  anyText,
  fields,
  flag,
  functionOrNothing,
  listOf,
  namedNumbers,
  needed,
  oneOfNames,
  orNothing,
  words,
} from "./schemas.ts";

const whole = needed("a whole number > 0", (v) => Number.isSafeInteger(v) && (v as number) > 0);
const aNumber = needed("a number", (v) => typeof v === "number");
const stepReport = fields({
  step: whole,
  totalSteps: whole,
  epoch: aNumber,
  loss: aNumber,
  gradNorm: aNumber,
  learningRate: aNumber,
  metrics: namedNumbers,
  examples: orNothing(whole),
  counts: orNothing(namedNumbers),
  tokens: aNumber,
  seconds: aNumber,
});
const orBefore = needed("a whole number >= 0", (v) => Number.isSafeInteger(v) && (v as number) >= 0);
const evaluated = fields({ step: orBefore, epoch: aNumber, metrics: namedNumbers });
const saved = fields({ step: orBefore, directory: words });
const phase = fields({ name: words, done: aNumber, total: aNumber });
const result = onlyFields({
  files: listOf(onlyFields({ name: words, what: anyText })),
  finished: flag,
  metrics: namedNumbers,
});

const bytes = needed("a number >= 0", (v) => typeof v === "number" && v >= 0 && v < Infinity);
const runMemory = onlyFields({
  memory: onlyFields({ weights: bytes, trained: bytes, activations: bytes, runtime: bytes, total: bytes }),
  processes: whole,
  storage: words,
  place: oneOfNames("host", "device"),
});

/**
 * A trainer: it begins once before it finishes, its steps are reports in their order, and the files of its result are there.
 */
export function checkedTrainer(trainer: Trainer, maker: Maker): Trainer {
  maker.checkMade(
    trainer,
    productFields({ train: aFunction }, { lend: functionOrNothing, memory: functionOrNothing }),
  );
  const { lend, memory } = trainer;
  return replacing(trainer, {
    lend: lend && ((log) => maker.run(async () => await lend.call(trainer, log))),
    memory: memory &&
      ((size) => maker.checked("memory()", runMemory, () => memory.call(trainer, frozenCopy(size)))),
    async train(inputs) {
      let begun = false;
      const begin = () => {
        if (begun) {
          maker.refuse(
            "Cannot begin the run by inputs.begin() as one call is needed: current value is a second one",
          );
        }
        begun = true;
        inputs.begin();
      };
      const log = checkedLog(inputs.log, maker);
      const found = await maker.run(async () => await trainer.train({ ...unwritable(inputs), begin, log }));
      maker.check("train()", found, result);
      if (found.finished && !begun) {
        maker.refuse(
          "Cannot finish as a call of inputs.begin() is needed, before the first file is written: current value is none",
        );
      }
      checkFiles(found.files, inputs, maker);
      return found;
    },
  });
}

/** The same inputs, whose settings and lists of examples can't be written to: what the run writes of itself is made of them. */
function unwritable(inputs: TrainerInputs): TrainerInputs {
  const { config, record, train, evaluation } = inputs;
  return {
    ...inputs,
    ...(config && { config: frozenCopy(config) }),
    ...(record && { record: frozenCopy(record) }),
    ...(train && { train: Object.freeze([...train]) as TrainerInputs["train"] }),
    ...(evaluation && { evaluation: Object.freeze([...evaluation]) as TrainerInputs["evaluation"] }),
  };
}

function checkFiles(files: readonly { name: string }[], { trainedDir }: TrainerInputs, maker: Maker): void {
  for (const [i, { name }] of files.entries()) {
    if (!/[/\\]/.test(name) && exists(join(trainedDir, name))) continue;
    maker.refuse(
      `Cannot use train().files[${i}] as the name of a file that lies in inputs.trainedDir is needed: current value is "${name}"`,
    );
  }
}

/** The run's log: a step's report has its fields, and comes after the last one. */
function checkedLog(log: LogSink, maker: Maker): LogSink {
  let last = 0;
  return replacing(log, {
    step(report: StepReport) {
      maker.check("train()'s log.step()", report, stepReport);
      if (report.step <= last) {
        maker.refuse(
          `Cannot log step ${report.step} as a step after the last one, ${last}, is needed: current value is ${report.step}`,
        );
      }
      last = report.step;
      log.step(report);
    },
    evaluation(step, epoch, metrics, best) {
      maker.check("train()'s log.evaluation()", { step, epoch, metrics }, evaluated);
      log.evaluation(step, epoch, metrics, best);
    },
    checkpoint(step, directory) {
      maker.check("train()'s log.checkpoint()", { step, directory }, saved);
      log.checkpoint(step, directory);
    },
    phase(name, done, total, pace) {
      maker.check("train()'s log.phase()", { name, done, total }, phase);
      log.phase(name, done, total, pace);
    },
    warn(message) {
      maker.check("train()'s log.warn()", message, words);
      log.warn(message);
    },
    note: log.note && ((message) => {
      maker.check("train()'s log.note()", message, words);
      log.note?.(message);
    }),
  });
}
