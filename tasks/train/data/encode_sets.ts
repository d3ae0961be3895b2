/**
 * Encodes all rows of the sets of a run, mixes and splits them.
 * @module
 */
import { breathing } from "../../../formats/breathing.ts";
import { item } from "../../../formats/elements.ts";
import { shortened } from "../../../formats/message.ts";
import type { Example } from "../../../plugins/kinds/dataset.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { bufferShuffle } from "./sets/buffer_shuffle.ts";
import { encodeOptions } from "./encoding/encode_options.ts";
import type { EncodeContext } from "./encoding/encoding.ts";
import { encodeBatch } from "./encoding/encode_batch.ts";
import type { LoadInputs, StoredExamples } from "./load_inputs.ts";
import { mixRows } from "./sets/mix.ts";
import { MT19937, numpyLegacyChoice, numpyLegacyPermutation } from "../../../kernels/random/mt19937.ts";
import { GROUP, packTexts } from "./encoding/pack_text.ts";
import { failEmpty, RowTally, shortValue } from "./report/report.ts";
import type { DataSet } from "./sets/sets.ts";
import { splitRows } from "./sets/split.ts";
import { BlockBuilder, partsOf, type StoredExample } from "./encoding/store.ts";
import { UnwrittenParts } from "./report/unwritten.ts";
import { contentHash, summarize } from "./summarize.ts";

/** A row that is used: encoded, or (kto) an example that still needs its neighbour's answer. */
type Entry = StoredExample | Example;

/** Work of one run. */
interface Work {
  inputs: LoadInputs;
  context: EncodeContext;
  unwritten: UnwrittenParts;
  tally: RowTally;
  /** Draws the rows of sets with `num_samples`, set by set. */
  generator: MT19937;
  onBytes: (read: number) => void;
}

/**
 * Encodes the rows of training and evaluation sets.
 *
 * @throws {RangeError} If no row can be used for training, or none for evaluation.
 */
export async function encodeSets(
  inputs: LoadInputs,
  train: readonly DataSet[],
  evaluation: readonly DataSet[],
): Promise<StoredExamples> {
  const { options, onProgress, loss, template, tokenizer, signal } = inputs;
  const sets = [...train, ...evaluation];
  const total = sets.reduce((sum, set) => sum + set.bytes * (set.entry.numSamples === null ? 1 : 2), 0);
  let done = 0;
  const work: Work = {
    inputs,
    unwritten: new UnwrittenParts(template, tokenizer),
    context: { sequences: loss.sequences, template, tokenizer, options: encodeOptions(options, loss.shape) },
    tally: new RowTally(options.train_on_prompt),
    generator: new MT19937(options.seed),
    onBytes(read) {
      signal?.throwIfAborted();
      onProgress?.("encoding", Math.min(total, done += read), total);
    },
  };
  const parts = options.streaming ? await stream(work, train) : await splitSets(work, train);
  const groups = options.eval_on_each_dataset && evaluation.length > 0
    ? await eachSet(work, evaluation)
    : [[...parts.evaluation, ...await mixSets(work, evaluation)]];
  const learnt = finish(work, parts.train), finished = groups.map((group) => finish(work, group));
  const evaluationCounts = options.eval_on_each_dataset && evaluation.length > 0
    ? finished.map((group) => group.length)
    : null;
  const stored = { train: learnt, evaluation: finished.flat(), evaluationCounts };
  onProgress?.("encoding", total, total);
  const what = (list: readonly DataSet[]) => list.map(({ entry }) => `data set "${entry.name}"`).join(", ");
  if (train.length > 0 && stored.train.length === 0) {
    failEmpty(work.tally, what(train), train.flatMap(({ entry }) => entry.notes));
  }
  const alone = evaluationCounts?.map((count, i): [number, DataSet[]] => [count, [item(evaluation, i)]]);
  for (const [count, of] of alone ?? [[stored.evaluation.length, evaluation] as const]) {
    if (of.length > 0 && count === 0) failEmpty(work.tally, what(of), of.flatMap(({ entry }) => entry.notes));
  }
  return {
    ...stored,
    report: summarize(inputs, work.tally, stored, [
      ...sets.flatMap((set) => set.notes),
      ...work.unwritten.notes(),
    ]),
    hash: contentHash(inputs, stored),
  };
}

/** Rows of each set by itself, in the order of the sets. */
async function eachSet(work: Work, sets: readonly DataSet[]): Promise<Entry[][]> {
  const groups: Entry[][] = [];
  for (const set of sets) groups.push(await mixSets(work, [set]));
  return groups;
}

async function splitSets(
  work: Work,
  sets: readonly DataSet[],
): Promise<{ train: Entry[]; evaluation: Entry[] }> {
  const { options: { val_size, seed }, placeOf = () => "" } = work.inputs;
  const rows = await mixSets(work, sets, true);
  const split = placed(
    placeOf("val_size"),
    () => splitRows(rows.length, rows.length === 0 ? 0 : val_size, seed),
  );
  const used = (numbers: Int32Array) =>
    Array.from(numbers, (i) => item(rows, i)).filter((entry) => entry !== null);
  return { train: used(split.train), evaluation: used(split.validation) };
}

async function mixSets(work: Work, sets: readonly DataSet[]): Promise<Entry[]>;
async function mixSets(work: Work, sets: readonly DataSet[], keepDropped: true): Promise<(Entry | null)[]>;
async function mixSets(work: Work, sets: readonly DataSet[], keepDropped = false): Promise<(Entry | null)[]> {
  const { mix_strategy, interleave_probs, seed } = work.inputs.options;
  const all: (Entry | null)[][] = [];
  for (const set of sets) {
    const rows = await readSet(work, set);
    if (rows.length === 0) {
      throw new RangeError(
        `Cannot use data set "${set.entry.name}" at ${set.entry.place} as it has no rows: current value is ${
          set.bytes === 0 ? "an empty file" : "a file without any"
        }`,
      );
    }
    all.push(rows);
  }
  const rows = all.flat();
  const mixed = all.length < 2
    ? rows
    : Array.from(mixRows(all.map((r) => r.length), mix_strategy, interleave_probs, seed), (i) =>
      item(rows, i));
  return keepDropped ? mixed : mixed.filter((entry) => entry !== null);
}

/** All rows of a set that are drawn, in order; null for those that can't be used. */
async function readSet(work: Work, set: DataSet): Promise<(Entry | null)[]> {
  const limit = work.inputs.options.max_samples ?? Infinity;
  if (set.entry.numSamples === null) return await encodeRows(work, set, limit, null);
  const count = await set.count(work.onBytes);
  if (count === 0) return [];
  const drawn = numpyLegacyPermutation(count, work.generator).slice(0, set.entry.numSamples);
  const more = numpyLegacyChoice(count, set.entry.numSamples - drawn.length, work.generator);
  const order = [...drawn, ...more].slice(0, limit);
  const rows = await encodeRows(work, set, Infinity, new Set(order));
  return order.map((i) => rows[i] ?? null);
}

async function encodeRows(
  work: Work,
  set: DataSet,
  limit: number,
  wanted: ReadonlySet<number> | null,
): Promise<(Entry | null)[]> {
  const rows: (Entry | null)[] = [];
  const breathe = breathing();
  for await (const batch of set.rows(work.tally, work.onBytes, limit, wanted)) {
    const examples = batch.flatMap(({ example }) => example ?? []);
    const used = work.inputs.loss.shape === "kto" ? examples : encodeExamples(work, examples);
    let offset = 0;
    for (const { position, example } of batch) rows[position] = example && (used[offset++] ?? null);
    await breathe();
  }
  return rows;
}

function encodeExamples({ context, tally, unwritten }: Work, examples: Example[]): (StoredExample | null)[] {
  if (examples.length === 0) return [];
  const { block, outcomes } = encodeBatch(examples, context);
  let index = 0;
  return outcomes.map((outcome, i) => {
    const { source, prompts, answers, desirable, task } = item(examples, i);
    if ("reason" in outcome) {
      const { reason, objection } = outcome;
      const prompt = Object.values(prompts)[0]?.at(-1)?.content;
      const [field, text] = prompt === undefined
        ? ["text", item(Object.values(answers), 0).content]
        : ["last prompt", prompt];
      const value = shortValue({ text }, "text");
      const said = objection === undefined || objection === reason ? "" : ` (${shortened(objection)})`;
      tally.drop(reason, { ...source, line: null, field, value: `${value}${said}` });
      return null;
    }
    tally.cut(outcome);
    unwritten.see(item(examples, i));
    tally.odd.see(item(examples, i));
    return {
      block,
      index: index++,
      source,
      ...(desirable !== undefined && { desirable }),
      ...(task && { task: JSON.stringify({ ...task, messages: prompts.x }) }),
    };
  });
}

/** Work that needs the split first: kto's neighbours, and the blocks of packed text. */
function finish(work: Work, entries: readonly Entry[]): StoredExample[] {
  const { loss, options } = work.inputs;
  if (loss.shape === "kto") {
    const groups: StoredExample[][] = [];
    for (let from = 0; from < entries.length; from += GROUP) {
      const group = entries.slice(from, from + GROUP) as Example[];
      // the KL estimate pairs each prompt with the answer of the row before, the first with the last one's
      const paired = group.map((example, i) => ({
        ...example,
        answers: { ...example.answers, kl: group.at(i - 1)!.answers.y! },
      }));
      groups.push(encodeExamples(work, paired).filter((e) => e !== null));
    }
    return groups.flat();
  }
  const stored = entries as StoredExample[];
  if (loss.shape !== "text" || !options.packing || stored.length === 0) return [...stored];
  return packText(work, stored);
}

function packText({ inputs, tally }: Work, stored: readonly StoredExample[]): StoredExample[] {
  const texts = stored.map((example) => item(item(partsOf(example), 0), 0).ids);
  const { tokenizer, options } = inputs;
  const first = item(item(texts, 0), 0);
  const bos = first === tokenizer.bosId && texts.every((ids) => ids[0] === first) ? first : null;
  const { blocks, leftOut } = packTexts(texts, options.cutoff_len, bos, GROUP);
  tally.leftOutTokens += leftOut;
  const builder = new BlockBuilder();
  for (const { ids } of blocks) builder.add({ sequences: [{ name: "", parts: [{ ids, kind: 1 }] }] });
  const block = builder.build();
  return blocks.map(({ first }, index) => ({ block, index, source: item(stored, first).source }));
}

/** As many examples as `max_steps` takes, from a stream shuffled through a buffer. */
async function stream(
  work: Work,
  sets: readonly DataSet[],
): Promise<{ train: Entry[]; evaluation: Entry[] }> {
  const { options } = work.inputs;
  const { max_steps, per_device_train_batch_size, gradient_accumulation_steps, val_size } = options;
  if (!(max_steps > 0)) {
    throw new RangeError(
      `Cannot stream data as max_steps must say when to stop: current value is ${max_steps}`,
    );
  }
  if (val_size !== Math.floor(val_size)) {
    throw new RangeError(
      `Cannot hold out rows of a stream as val_size must be a number of rows: current value is ${val_size}`,
    );
  }
  if (sets.length > 1 && options.mix_strategy !== "concat") {
    throw new RangeError(
      `Cannot stream several data sets as only mix_strategy concat can be streamed: current value is ${options.mix_strategy}`,
    );
  }
  const needed = max_steps * per_device_train_batch_size * gradient_accumulation_steps;
  const train: Entry[] = [];
  const evaluation: Entry[] = [];
  const heldOut = new Set<string>();
  const breathe = breathing();
  for (let epoch = 0; train.length < needed; epoch++) {
    const before = train.length;
    // rows are counted in the first epoch only
    const tally = epoch === 0 ? work.tally : new RowTally(options.train_on_prompt);
    let batch: Example[] = [];
    const flush = async (into: Entry[]) => {
      const encoded = work.inputs.loss.shape === "kto" ? batch : encodeExamples({ ...work, tally }, batch);
      into.push(...encoded.filter((e) => e !== null));
      batch = [];
      await breathe();
    };
    let seen = 0;
    const isHeld = () => epoch === 0 && seen <= val_size;
    for await (
      const example of bufferShuffle(streamRows(work, sets, tally), options.buffer_size, options.seed, epoch)
    ) {
      if (epoch === 0 && seen === val_size) await flush(evaluation);
      seen++;
      if (!example) continue;
      const id = `${example.source.file}:${example.source.row}`;
      if (isHeld()) heldOut.add(id);
      else if (heldOut.has(id)) continue;
      batch.push(example);
      if (!isHeld() && (batch.length >= 256 || train.length + batch.length >= needed)) {
        await flush(train);
        if (train.length >= needed) break;
      }
    }
    if (epoch === 0 && seen <= val_size) await flush(evaluation);
    else if (train.length < needed) await flush(train);
    if (train.length === before) break;
  }
  return { train: train.slice(0, needed), evaluation };
}

async function* streamRows({ inputs, onBytes }: Work, sets: readonly DataSet[], tally: RowTally) {
  const limit = inputs.options.max_samples ?? Infinity;
  for (const set of sets) {
    for await (const batch of set.rows(tally, onBytes, limit)) for (const { example } of batch) yield example;
  }
}
