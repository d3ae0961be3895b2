/**
 * The forms in which a reply tells more than scores, or none for certain: corrections, remarks, conditions, counts, gaps.
 * @module
 */
import { en, per, type ReplyBody, type ReplyParts, zh } from "./_told_sentences.ts";
import { ORD, ZH } from "./_told_words.ts";

const unread = (reply: ReplyParts) => reply.scores.map(() => null);

/** By their names. */
export const TOLD_DOUBTS: Record<string, (reply: ReplyParts) => ReplyBody> = {
  "taken back behind a list": (reply) => {
    const out = reply.draw.below(reply.count), w = (reply.scores[out]! + 3) % 11;
    const taken = reply.draw.pick([
      `On reflection, constraint ${out + 1} deserves a ${w}.`,
      `Actually, the ${ORD[out]} constraint should get ${w}.`,
      `再想一下，第${out + 1}条应为${w}分。`,
      `更正：第${ZH[out]}条约束改为${w}分。`,
      `Wait, I'd lower the ${ORD[out]} constraint to ${w}.`,
      `Correction: constraint ${out + 1} is a ${w}, not a ${reply.scores[out]}.`,
    ]);
    const list = reply.draw.pick([
      () => per(reply, (i, v) => `${i + 1}. ${reply.texts[i]}: ${v}`),
      () => per(reply, (i, v) => `Constraint ${i + 1}: ${v}/10`),
      () => JSON.stringify([Object.fromEntries(reply.scores.map((v, i) => [reply.full[i], v]))]),
      () => en(reply, "\n"),
      () => zh(reply, "\n"),
      () => per(reply, (i, v) => `| ${i + 1} | ${v} |`),
    ])();
    return {
      said: false,
      body: `${list}\n\n${taken}`,
      scores: reply.scores.map((v, i) => i === out ? null : v),
    };
  },
  "remarks behind a list": (reply) => ({
    body: `${per(reply, (i, v) => `${i + 1}. ${reply.texts[i]}: ${v}`)}\n\n${
      reply.draw.pick([
        "Constraint 1 could have been met with 2 more words.",
        "第1条还差3个字。",
        "The first constraint has 3 flaws, but they are small.",
        "Actually, the first constraint is easy to meet in 5 words.",
        "No score was reduced for style.",
      ])
    }`,
  }),
  "prose, then doubt": (reply) => ({
    said: false,
    scores: unread(reply),
    body: `${reply.draw.zh() ? zh(reply, "\n") : en(reply, "\n")}\n${
      reply.draw.pick([() =>
        per(reply, (i, v) => `Constraint ${i + 1} might also be a ${(v + 2) % 11}.`), () =>
        per(reply, (i, v) => `第${i + 1}条也可以给${(v + 2) % 11}分。`), () =>
        per(reply, (i, v) => `I'd give the ${ORD[i]} constraint a ${(v + 2) % 11}.`), () =>
        per(reply, (i, v) => `不过第${i + 1}条只值${(v + 2) % 11}分。`)])()
    }`,
  }),
  "retraction": (reply) => ({
    said: false,
    scores: unread(reply),
    body: per(
      reply,
      (i, v) =>
        reply.draw.pick([
          () =>
            `I'd give ${reply.draw.ref(i, false, reply.texts)} a ${v}, but on reflection ${(v + 3) % 11}.`,
          () => `第${i + 1}条我给${v}分，不，应该是${(v + 3) % 11}分。`,
          () => `Constraint ${i + 1} gets ${v}. Actually, make that ${(v + 3) % 11}.`,
          () => `第${i + 1}条约束本来给${v}分，后来改为${(v + 3) % 11}分。`,
          () => `I was going to give constraint ${i + 1} a ${v}, but it gets less.`,
        ])(),
    ),
  }),
  "conditions": (reply) => ({
    said: false,
    scores: unread(reply),
    body: per(
      reply,
      (i, v) =>
        reply.draw.pick([
          () => `I'd give ${reply.draw.ref(i, false, reply.texts)} a ${v} if it were shorter.`,
          () => `Constraint ${i + 1} would get ${v} with 2 more words.`,
          () => `如果更短，第${i + 1}条可以得${v}分。`,
          () => `第${i + 1}条最多给${v}分。`,
          () => `Constraint ${i + 1} gets at least ${v}.`,
          () => `第${i + 1}条至少得${v}分。`,
          () => `I'd give constraint ${i + 1} between ${v} and ${v + 2}.`,
          () => `第${i + 1}条给${v}到${v + 1}分。`,
          () => `Constraint ${i + 1} can't get a ${v}.`,
          () => `I can't give constraint ${i + 1} a ${v}.`,
          () => `第${i + 1}条不能给${v}分。`,
          () => `第${i + 1}条不应得${v}分。`,
          () => `I would not give constraint ${i + 1} a ${v}.`,
          () => `Constraint ${i + 1} loses ${v} points.`,
          () => `第${i + 1}条扣${v}分。`,
          () => `Constraint ${i + 1} gets a ${v} or so.`,
          () => `第${i + 1}条给${v}分左右。`,
          () => `第${i + 1}条差点得${v}分。`,
          () => `Constraint ${i + 1} nearly gets ${v}.`,
          () => `Constraint ${i + 1} scores ${v}/20.`,
          () => `第${i + 1}条给${v}分（满分20分）。`,
          () => `Others would give constraint ${i + 1} a ${v}.`,
          () => `The response gives itself a ${v} for constraint ${i + 1}.`,
          () => `回答自称第${i + 1}条得${v}分。`,
        ])(),
    ),
  }),
  "counts": (reply) => ({
    said: false,
    scores: unread(reply),
    body: per(
      reply,
      (i, v) =>
        reply.draw.pick([
          () => `Constraint ${i + 1} gets ${v} mentions.`,
          () => `第${i + 1}条得到${v}次体现。`,
          () => `Constraint ${i + 1} has ${v} errors.`,
          () => `第${i + 1}条给了${v}个例子。`,
          () => `For constraint ${i + 1}, I count ${v} words.`,
          () => `约束${i + 1}共${v}处。`,
          () => `The response gives ${v} for the first line of constraint ${i + 1}.`,
          () => `第${i + 1}条：得${v}票。`,
        ])(),
    ),
  }),
  "partly prose": (reply) => {
    const out = reply.draw.below(reply.count);
    return {
      body: per(
        reply,
        (i, v) =>
          i === out
            ? reply.draw.pick([
              `Constraint ${i + 1} is hard to judge.`,
              `第${i + 1}条无法判断。`,
              `Constraint ${i + 1} was met in 3 of 4 lines.`,
            ])
            : reply.draw.pick([`I'd give constraint ${i + 1} a ${v}.`, `第${i + 1}条约束我给${v}分。`]),
      ),
      scores: reply.scores.map((v, i) => i === out ? null : v),
      said: false,
    };
  },
  "twice the same": (reply) => ({
    said: false,
    scores: reply.scores.map(() => null),
    body: per(
      reply,
      (_, v) => reply.draw.pick([`I'd give the first constraint a ${v}.`, `第1条约束我给${v}分。`]),
    ),
    ...(reply.count === 1 && { scores: reply.scores }),
    ...(reply.count > 1 && new Set(reply.scores).size === 1 &&
      { scores: reply.scores.map((v, i) => i === 0 ? v : null) }),
  }),
};
