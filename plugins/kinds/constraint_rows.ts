/**
 * Constraints as rows of files have them, for benchmarks and for training by rewards.
 * @module
 */
import { z } from "zod";

import type { Constraint } from "./judgement.ts";

const Rule = z.strictObject({
  id: z.string().min(1),
  kwargs: z.record(z.string(), z.unknown()).default({}),
});

/** A constraint with the groups that it is reported under. */
export type GroupedConstraint = Constraint & { groups: Record<string, string> };

/** A text, or `{text, rule, groups}`. Each constraint is grouped by its rule, too. */
export const ConstraintOfRow: z.ZodType<GroupedConstraint> = z.union([
  z.string().min(1).transform((text): GroupedConstraint => ({ text, groups: {} })),
  z.strictObject({
    text: z.string().min(1),
    rule: Rule.optional(),
    groups: z.record(z.string(), z.string()).default({}),
  }).transform(({ text, rule, groups }): GroupedConstraint => ({
    text,
    ...(rule !== undefined && { rule }),
    groups: { ...(rule !== undefined && { rule: rule.id }), ...groups },
  })),
]);

/** Names of groups or of further texts. */
export const TextsOfRow: z.ZodType<Record<string, string>> = z.record(z.string(), z.string());
