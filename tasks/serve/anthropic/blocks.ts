/**
 * Blocks of a message's content: which of them a role may say, and the form of each.
 * @module
 */
import { z } from "zod";

import { givenMap } from "../fields/given_map.ts";
import { readTyped } from "../fields/typed_items.ts";
import { cacheMark, textBlock } from "./fields.ts";

const NO_TOOLSETS = "tools are offered one by one: leave it out";

/** Blocks of a system text. */
export const SYSTEM_BLOCKS = { text: textBlock };

const USER = {
  text: textBlock,
  tool_result: z.strictObject({
    type: z.literal("tool_result"),
    tool_use_id: z.string().min(1),
    content: z.union([z.string(), z.array(z.unknown())], "needs a text or a list of blocks").nullish(),
    is_error: z.boolean().nullish(),
    toolset_name: z.null(NO_TOOLSETS).optional(),
    ...cacheMark,
  }),
  mid_conv_system: z.strictObject({
    type: z.literal("mid_conv_system"),
    content: z.array(textBlock),
    ...cacheMark,
  }),
};

const ASSISTANT = {
  text: textBlock,
  thinking: z.strictObject({
    type: z.literal("thinking"),
    thinking: z.string(),
    signature: z.string().nullish(),
  }),
  tool_use: z.strictObject({
    type: z.literal("tool_use"),
    id: z.string().min(1),
    name: z.string().min(1),
    input: givenMap,
    toolset_name: z.null(NO_TOOLSETS).optional(),
    caller: z.strictObject({ type: z.literal("direct", "only the model calls tools here") }).nullish(),
    ...cacheMark,
  }),
};

/** By the role that says them. */
export const BLOCKS = { user: USER, assistant: ASSISTANT, system: SYSTEM_BLOCKS };

/** Any of them, read. */
export type Block = z.output<
  | typeof USER[keyof typeof USER]
  | typeof ASSISTANT[keyof typeof ASSISTANT]
>;

const ALONE = "the model reads texts alone";

const INSTEAD = {
  image: ALONE,
  document: `${ALONE}: write it as a block of type text`,
  search_result: `${ALONE}: write it as a block of type text`,
  redacted_thinking: "thoughts that another server sealed can't be read here: leave the block out",
  server_tool_use: "only tools of the client's own are called here: leave the block and its result out",
};

/** A block of one of these kinds. @throws {ApiError} 400 if it is of none, or of another form; with its place */
export function readBlock(
  schemas: Readonly<Record<string, z.ZodObject>>,
  block: unknown,
  place: string,
): Block {
  const type = (block as { type?: unknown } | null)?.type;
  return readTyped(schemas, block, { place, type, instead: INSTEAD }) as Block;
}
