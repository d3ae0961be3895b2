/**
 * Remarks on chat templates that an export leaves out, or writes though nothing could be asked by them.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import { readJsonFile } from "../../../formats/hf_model/json.ts";
import type { LoadedModel } from "../../../formats/hf_model/mod.ts";
import { shown } from "../../../formats/message.ts";
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import { compileOwn } from "../../../plugins/templates/rendered.ts";
import type { ExportConfig } from "../export_config.ts";

/** A remark where a GGUF file has chat templates beside the default one, which a folder doesn't get. */
export function namedTemplates(
  { metadata, path }: LoadedModel,
  format: ExportConfig["export_format"],
): string[] {
  const names = [...metadata?.keys() ?? []].flatMap((key) =>
    /^tokenizer\.chat_template\.(.+)$/.exec(key)?.[1] ?? []
  );
  if (names.length === 0 || format === "gguf") return [];
  return [`${path} has further chat templates (${shown(names.sort())}): only the default one is written`];
}

/** A remark where a folder has chat templates beside the one that is written. */
export function otherTemplates(folder: string): string[] {
  const file = join(folder, "tokenizer_config.json"), more = join(folder, "additional_chat_templates");
  const { chat_template: list } = exists(file) ? readJsonFile(file) : {};
  const named = Array.isArray(list)
    ? list.map(({ name }) => String(name)).filter((name) => name !== "default")
    : [];
  const files = exists(more)
    ? [...Deno.readDirSync(more)].map(({ name }) => name.replace(/\.jinja$/, ""))
    : [];
  const names = [...new Set([...named, ...files])].sort();
  return names.length === 0
    ? []
    : [`${folder} has further chat templates (${shown(names)}): only the default one is written`];
}

/** The folder gets the model's own chat template as it is, one that is no Jinja too, which nothing could be asked by. */
export function unreadableTemplate(tokenizer: Tokenizer, folder: string): string[] {
  if (tokenizer.chatTemplate === null) return [];
  try {
    compileOwn(tokenizer);
    return [];
  } catch (error) {
    return [
      `${folder}: ${(error as Error).message}. It is written as it is; name a \`template\` to write another`,
    ];
  }
}
