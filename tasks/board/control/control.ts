/**
 * Additions of `--control`: starting and stopping trainings, and talking to what was trained.
 * @module
 */
import { createHash } from "node:crypto";

import { join, resolve } from "@std/path";
import { stringify } from "yaml";

import { item } from "../../../formats/elements.ts";
import { exists } from "../../../formats/exists.ts";
import { atRevision } from "../../../formats/hub/mod.ts";
import { ownTemporaryFolder } from "../../../formats/own_temporary_folder.ts";
import type { Folders } from "../folders.ts";
import { newToken } from "../guard.ts";
import { Refusal } from "../refusal.ts";
import { readConfig } from "../runs/details.ts";
import { TaskProcess } from "./processes.ts";

/** A training that was started here. */
export interface Job {
  /** Number, from 1. */
  id: number;
  /** Its output folder, as it was given. */
  name: string;
  /** Id of its run, which the list of runs has from its first step on. */
  run: string;
  /** Exit code; null while it runs. */
  code: number | null;
}

interface Started {
  name: string;
  run: string;
  process: TaskProcess;
}

/** A server of a run's model that was started here. */
interface Talk {
  process: TaskProcess;
  key: string;
  base: string;
  left: string;
  right: string;
}

/** Name of the adapter of a conversation. */
const TUNED = "tuned";
/** Trainings, and servers, at a time: each fills the machine. */
const MOST_TALKS = 1;

/** Keys and values of a training file. */
export type TrainingFile = Record<string, unknown>;

/** Everything that was started. */
export class Control implements AsyncDisposable {
  readonly #folders: Folders;
  readonly #jobs: Started[] = [];
  readonly #talks = new Map<string, Talk>();
  readonly #tried = new Set<string>();
  readonly #processes = new Set<TaskProcess>();
  readonly #endAll = () => this.#processes.forEach((process) => process.stopNow());
  readonly #files = ownTemporaryFolder("dinotune-board-");

  constructor(folders: Folders) {
    this.#folders = folders;
    // a board that ends before they do: a second Ctrl-C
    addEventListener("unload", this.#endAll);
  }

  /** Trainings that were started, the newest first. */
  list(): Job[] {
    return this.#jobs.map((_, i) => this.#shown(i + 1)).reverse();
  }

  /** A folder for the next training that isn't there yet. */
  freeFolder(): string {
    const { given } = item(this.#folders.roots, 0);
    for (let n = 1;; n++) {
      const folder = join(given, `run-${n}`);
      if (!exists(folder) && !this.#jobs.some(({ name }) => name === folder)) return folder;
    }
  }

  #shown(id: number): Job {
    const { name, run, process: { code } } = this.#job(id);
    return { id, name, run, code };
  }

  /** The end of a training's output. @throws {Refusal} 404 if there is no such training */
  log(id: number): string {
    return this.#job(id).process.log;
  }

  /** Asks a training to end; it saves a checkpoint first. @throws {Refusal} 404 if there is no such training */
  stop(id: number): void {
    this.#job(id).process.stop();
  }

  /**
   * Checks a training file as `deno task train --dry-run` does, and remembers those that pass.
   * @throws {Refusal} 400 with the task's message if anything is wrong
   */
  async dryRun(file: TrainingFile): Promise<unknown> {
    this.#runOf(file);
    const process = this.#train(file, "--dry-run", "--json");
    const code = await process.ended;
    if (code !== 0) {
      const error = /^error: ([\s\S]*)/m.exec(process.log)?.[1] ??
        (process.log || "The dry run was ended before it was done");
      // who filled in a form knows of no file
      const places = new RegExp(`${RegExp.escape(this.#files.path)}/[\\w-]+\\.yaml(:\\d+)*(: )?`, "g");
      throw new Refusal(
        400,
        error.replaceAll(places, (_, _line, colon) => colon === undefined ? "the form" : ""),
      );
    }
    this.#tried.add(hashOfFile(file));
    return JSON.parse(process.printed);
  }

  /** Starts a training. @throws {Refusal} 409 if this file hasn't passed a dry run here */
  start(file: TrainingFile): Job {
    const run = this.#runOf(file);
    if (!this.#tried.has(hashOfFile(file))) {
      throw new Refusal(409, "Try it first: a training starts with values that have passed a dry run");
    }
    const name = String(file["output_dir"]);
    const process = this.#train(file);
    return this.#shown(this.#jobs.push({ name, run, process }));
  }

  /**
   * Serves a run's model beside its base, for the page of the server.
   * @returns Id of the conversation, and the names of the two models
   * @throws {Refusal} 409 with the server's message if the model can't be opened
   */
  async talk(run: string): Promise<{ id: string; left: string; right: string }> {
    const directory = this.#folders.folder(run);
    const known = this.#talks.get(run);
    if (known !== undefined && known.process.code === null) {
      return { id: run, left: known.left, right: known.right };
    }
    const running = [...this.#talks.values()].filter(({ process }) => process.code === null);
    for (const { process } of running.slice(0, running.length - MOST_TALKS + 1)) {
      process.stop();
      await process.ended;
    }
    const { model_name_or_path: base, model_revision: revision, template } = readConfig(this.#folders, run) ??
      {};
    const isAdapter = [...Deno.readDirSync(directory)].some(({ name }) => name === "adapter_config.json");
    if (isAdapter && typeof base !== "string") {
      throw new Refusal(409, "The run's base model isn't known: its run.yaml has no model_name_or_path");
    }
    const key = newToken();
    const model = isAdapter
      ? [atRevision(String(base), String(revision ?? "main")), "--adapter", `${TUNED}=${directory}`]
      : [directory];
    // as it was trained: the base's own template may be another one, or none
    const written = typeof template === "string" ? ["--template", template] : [];
    const process = this.#started("serve", [...model, ...written, "--port", "0"], {
      DINOTUNE_API_KEYS: key,
    });
    const address = await process.firstLine;
    if (address === null) throw new Refusal(409, process.log.replace(/^[\s\S]*?error: /, ""));
    const names = await modelNames(address, key);
    const left = names.find((name) => name !== TUNED) ?? TUNED;
    const talk = { process, key, base: address, left, right: isAdapter ? TUNED : "" };
    this.#talks.set(run, talk);
    return { id: run, left: talk.left, right: talk.right };
  }

  /** Passes a request on to the server of a conversation. @throws {Refusal} 404 if there is none */
  async pass(run: string, path: string, request: Request): Promise<Response> {
    const talk = this.#talks.get(run);
    if (talk === undefined) throw new Refusal(404, "There is no such conversation: begin it again");
    const body = request.method === "POST" ? await request.text() : null;
    const reply = await fetch(`${talk.base}/${path}`, {
      method: request.method,
      headers: {
        authorization: `Bearer ${talk.key}`,
        ...(body !== null && { "content-type": "application/json" }),
      },
      body,
      signal: request.signal,
      redirect: "error",
    });
    const type = reply.headers.get("content-type") ?? "application/octet-stream";
    return new Response(reply.body, { status: reply.status, headers: { "content-type": type } });
  }

  #job(id: number): Started {
    const job = this.#jobs[id - 1];
    if (job === undefined) throw new Refusal(404, `There is no training ${id}`);
    return job;
  }

  /** Id of the run that a file would make. */
  #runOf({ output_dir: output }: TrainingFile): string {
    if (typeof output !== "string" || output === "") throw new Refusal(400, "output_dir must be given");
    const run = this.#folders.idOf(output);
    if (run !== null) return run;
    const given = this.#folders.roots.map((root) => root.given).join(", ");
    throw new Refusal(
      400,
      `output_dir must lie in a folder of this board (${given}): current value is ${output}`,
    );
  }

  /** Begins a training task whose file, which may hold a token, lasts no longer than it. */
  #train(file: TrainingFile, ...flags: string[]): TaskProcess {
    const path = this.#write(file);
    const process = this.#started("train", [path, ...flags]);
    process.ended.then(() => Deno.remove(path)).catch(() => {});
    return process;
  }

  #started(task: "train" | "serve", args: readonly string[], env: Record<string, string> = {}): TaskProcess {
    const process = new TaskProcess(task, args, { env, apart: true });
    this.#processes.add(process);
    void process.ended.finally(() => this.#processes.delete(process));
    return process;
  }

  #write(file: TrainingFile): string {
    const path = join(this.#files.path, `${crypto.randomUUID()}.yaml`);
    const text = stringify({ ...file, output_dir: resolve(String(file["output_dir"])) });
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** Asks everything to end; requests that wait for it are answered then. */
  stopAll(): void {
    for (const process of this.#processes) process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopAll();
    await Promise.all([...this.#processes].map(({ ended }) => ended));
    removeEventListener("unload", this.#endAll);
    this.#files.release();
  }
}

async function modelNames(address: string, key: string): Promise<string[]> {
  const reply = await fetch(`${address}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  const { data } = await reply.json() as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

function hashOfFile(file: TrainingFile): string {
  return createHash("sha256").update(JSON.stringify(Object.entries(file).sort(([a], [b]) => a < b ? -1 : 1)))
    .digest("hex");
}
