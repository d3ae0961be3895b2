/**
 * The tensors that an adapter's file has to have, by its configuration and the model's shapes.
 * @module
 */
import { valueOf } from "../elements.ts";
import { shown } from "../message.ts";
import { loraOf, type ModuleShapes } from "./adapter.ts";
import type { LoraConfig } from "./config.ts";
import { type AdapterTensors, PEFT_PREFIX } from "./module_names.ts";
import { loraNames } from "./names.ts";

/** Shapes of the tensors of each module, by their names in an adapter's file. */
export function loraTensorShapes(
  config: LoraConfig,
  targets: readonly string[],
  shapes: ModuleShapes,
): Map<string, readonly number[]> {
  return new Map(targets.flatMap((module): (readonly [string, readonly number[]])[] => {
    const [outputs, inputs] = valueOf(shapes, module);
    const { r } = loraOf(config, module);
    const names = loraNames(`${PEFT_PREFIX}${module}`);
    const magnitude = config.useDora ? [[names.magnitude, [outputs]] as const] : [];
    return [[names.a, [r, inputs]], [names.b, [outputs, r]], ...magnitude];
  }));
}

/**
 * Makes sure that a file has just these tensors.
 * @param merger Way to merge an adapter of embeddings, for messages
 * @throws {RangeError} If one has no place, or is missing
 * @throws {TypeError} If one has another shape
 */
export function checkAdapterTensors(
  file: Pick<AdapterTensors, "path" | "tensors">,
  expected: ReadonlyMap<string, readonly number[]>,
  merger = "by `deno task export`",
): void {
  for (const name of file.tensors.keys()) {
    if (expected.has(name)) continue;
    const [, outer] = /\.(lm_head|embed_tokens)\./.exec(name) ?? [];
    if (outer !== undefined) {
      throw new RangeError(
        `Cannot use the adapter ${file.path}: it tunes ${outer}, by ${
          shown(name)
        }; only the layers' linear modules are supported. Merge the adapter ${merger}, or train one without it`,
      );
    }
    const [, beside] = /^base_model\.model\.(visual|vision_tower|multi_modal_projector)\./.exec(name) ?? [];
    throw new RangeError(
      beside !== undefined && name.includes(".lora_")
        ? `Cannot use the adapter ${file.path}: it tunes the part that sees, by ${
          shown(name)
        }; only the language part's linear modules are supported. Merge the adapter ${merger}, or train one without it`
        : `Cannot use the adapter ${file.path}: tensor ${
          shown(name)
        } has no place in the model. Is it of another model?`,
    );
  }
  for (const [name, shape] of expected) {
    const found = file.tensors.get(name)?.shape;
    if (!found) {
      throw new RangeError(
        `Cannot use the adapter ${file.path}: tensor ${
          shown(name)
        }, which target_modules ask for, is missing`,
      );
    }
    if (found.length !== shape.length || found.some((size, i) => size !== shape[i])) {
      throw new TypeError(
        `Cannot use the adapter ${file.path}: tensor ${shown(name)} has the shape [${
          found.join(", ")
        }], the model and ` +
          `the configuration ask for [${shape.join(", ")}]. Is it of another model?`,
      );
    }
  }
}
