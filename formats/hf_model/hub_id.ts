/**
 * A model's id on the hub, as far as its files tell: for adapters, which name the model that they are for.
 * @module
 */
import type { GgufMetadata } from "../gguf/mod.ts";

const ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/** True if a text is written as an id on the hub (`owner/name`). */
export function isHubId(text: string): boolean {
  return ID.test(text);
}

/**
 * The id that a folder of the hub's cache stands for (`models--owner--name/snapshots/<commit>`); null for other folders.
 */
export function hubIdOfFolder(path: string): string | null {
  const found = /(?:^|[\\/])models--([\w.-]+?)--([\w.-]+)[\\/]snapshots[\\/][^\\/]+[\\/]?$/.exec(path);
  const id = found && `${found[1]}/${found[2]}`;
  return id && isHubId(id) ? id : null;
}

/**
 * The id of the model that a GGUF file was converted from, by `general.source.huggingface.repository` or
 * `general.source.repo_url`; null where it says nothing. `general.base_model` is another thing: what that model was
 * tuned from.
 */
export function hubIdOfGguf(metadata: GgufMetadata): string | null {
  const id = metadata.get("general.source.huggingface.repository");
  if (typeof id === "string" && isHubId(id)) return id;
  const url = metadata.get("general.source.repo_url");
  const found = typeof url === "string" &&
    /^https?:\/\/(?:www\.)?huggingface\.co\/([^/?#]+\/[^/?#]+)\/?$/.exec(url);
  return found && isHubId(found[1]!) ? found[1]! : null;
}
