/**
 * The model of an endpoint `local` from its options on: prepared, opened with the first request, closed.
 * @module
 */
import { exists } from "../../../formats/exists.ts";
import { downloadLines, hubName, resolveCommit } from "../../../formats/hub/mod.ts";
import { withPermissionWords } from "../../../formats/permission_words.ts";
import type { DeviceChoice } from "../../../kernels/engine/generate/generator.ts";
import type { Completion, CompletionRequest } from "../../kinds/endpoint.ts";
import type { PluginContext, PluginRegistry } from "../../kinds/plugin.ts";
import type { Template } from "../../kinds/template.ts";
import { failed } from "../failures.ts";
import type { Opened } from "./answer.ts";
import { type AdapterFolders, adapterFolders, adapterIdentity, decisiveHash } from "./files.ts";
import { type LocalOptions, quantizationOf } from "./options.ts";

/** The engine is loaded when it is used, since most runs that know of this endpoint ask another. */
const engine = () => import("./answer.ts");

/** One model, opened at most once at a time. */
export class ModelHolder {
  /** Lines for the user, known when it is prepared. */
  notes: string[] = [];
  readonly #options: LocalOptions;
  readonly #template: Template;
  readonly #registry: PluginRegistry;
  readonly #fixed: Record<string, unknown>;
  readonly #hub = { onProgress: downloadLines((line) => this.#say(line)) };
  #adapters: Record<string, unknown>;
  #device: DeviceChoice;
  /** Of a model on the hub: a name such as main means another commit tomorrow. */
  #commit: string | null = null;
  #say = (_line: string) => {};
  #found: Promise<AdapterFolders> | null = null;
  #opened: Promise<Opened> | null = null;

  constructor(options: LocalOptions, template: Template, { registry }: Pick<PluginContext, "registry">) {
    const { model, weights, quantization_bit, speculation, backend, provider, threads } = options;
    this.#options = options;
    this.#template = template;
    this.#registry = registry;
    this.#device = { backend, provider, threads };
    // those of the hub are known when they are here
    this.#adapters = adapterIdentity(options, null);
    this.#fixed = {
      weights: exists(model) ? decisiveHash(model) : model,
      held: [weights, quantization_bit, speculation],
      template: registry.identity("template", options.template),
      // defaults are part of it too, such as the day
      template_options: registry.get("template", options.template).options.parse(options.template_options),
      // which of them reads config.json is known when the model is opened, later than this is asked for
      families: registry.names("model").map((name) => registry.identity("model", name)),
    };
  }

  /** Decides about answers, and so about which kept ones count. */
  get identity(): Record<string, unknown> {
    const commit = this.#commit;
    if (commit === null) return this.earlierIdentity;
    return { ...this.earlierIdentity, weights: `${hubName(this.#options.model)?.id}@${commit}` };
  }

  /** The same before a hub's commit was part of it. */
  get earlierIdentity(): Record<string, unknown> {
    const { backend, provider } = this.#device;
    return {
      ...this.#fixed,
      ...this.#adapters,
      backend: `${backend}/${provider}`,
      max_model_len: this.#options.max_model_len,
    };
  }

  /** Commit of a model on the hub, known when it is prepared. */
  get revision(): { name: string; commit: string } | undefined {
    return this.#commit === null ? undefined : { name: this.#options.model, commit: this.#commit };
  }

  /** Finds the commit, adapters and a backend; the model isn't opened. */
  async prepare(say: (line: string) => void): Promise<void> {
    this.#say = say;
    const { model, quantization_bit } = this.#options;
    this.#commit ??= await resolveCommit(model, this.#hub);
    const there = await this.#folders();
    this.#adapters = adapterIdentity(this.#options, there);
    const { adapterNotes, chooseBackend, rewardNotes, templateNotes } = await engine();
    this.#device = (await chooseBackend({ ...this.#device, quantization_bit })).choice;
    this.notes = [
      ...(this.#commit === null ? [] : [`${model} is commit ${this.#commit} of the hub`]),
      ...rewardNotes(model),
      ...(there.adapter === null ? [] : templateNotes(this.#template, there.adapter, this.#registry)),
      ...[there.adapter, ...Object.values(there.adapters)].flatMap((folder) => adapterNotes(folder, model)),
    ];
  }

  /** Answers; a model that can't be opened is the outcome `not_found`. */
  async complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion> {
    let model: Opened;
    try {
      model = await (this.#opened ??= this.#open());
    } catch (error) {
      // The next request may find what is missing now.
      this.#opened = null;
      return failed("not_found", withPermissionWords(error instanceof Error ? error.message : String(error)));
    }
    const { answer } = await engine();
    return await answer(model, request, signal);
  }

  /** Closes the model; a later request opens it again. */
  async close(): Promise<void> {
    const model = await this.#opened?.catch(() => null);
    this.#opened = null;
    await model?.generator.close();
  }

  #folders(): Promise<AdapterFolders> {
    return this.#found ??= adapterFolders(this.#options, this.#hub).catch((error) => {
      // asked again it may be there
      this.#found = null;
      throw error;
    });
  }

  async #open(): Promise<Opened> {
    const { model, max_model_len: maxModelLen, max_batch: maxBatch, speculation, thought_tags } =
      this.#options;
    const source = {
      model,
      device: this.#device,
      maxModelLen,
      maxBatch,
      speculation,
      quantization: quantizationOf(this.#options),
      hub: this.#commit === null ? this.#hub : { ...this.#hub, commit: this.#commit },
      ...await this.#folders(),
    };
    const { openLocal } = await engine();
    return { ...await openLocal(source, this.#template, this.#registry), tags: thought_tags };
  }
}
