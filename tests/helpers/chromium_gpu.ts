/**
 * Chromium's WebGPU (Dawn) in the place of Deno's (wgpu): an implementation that shares no code with it, shader compiler included. Calls
 * are recorded here and made in a page whenever something is awaited.
 */
import { chromium, type Page } from "playwright-core";
import { chromiumPath } from "../../tasks/common/chromium.ts";

/** A call on an object of the page by its number; the result becomes an object of the number `result`. */
interface Call {
  target: number;
  method: string;
  given: unknown[];
  result: number;
  /** What is given back: the result's values as JSON, the bytes of a mapped buffer, or nothing. */
  wants: "nothing" | "values" | "bytes";
}

/** What the page gives back of calls: of the last one that wants something, and errors that nobody waited for. */
interface Played {
  value: unknown;
  failed: string | null;
  errors: string[];
}

/** Runs in the page. */
async function play(calls: Call[]): Promise<Played> {
  // deno-lint-ignore no-explicit-any -- objects of a page
  const all = globalThis as any;
  // deno-lint-ignore no-explicit-any -- see above
  const objects: Map<number, any> = all.objects ??= new Map([[0, all.navigator.gpu]]);
  const errors: string[] = all.errors ??= [];
  // deno-lint-ignore no-explicit-any -- see above
  const decoded = (value: any): any => {
    if (Array.isArray(value)) return value.map(decoded);
    if (typeof value !== "object" || value === null) return value;
    if (typeof value.object === "number") return objects.get(value.object);
    if (typeof value.bytes === "string") return Uint8Array.from(atob(value.bytes), (c) => c.charCodeAt(0));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decoded(inner)]));
  };
  let value: unknown = null, failed: string | null = null;
  for (const { target, method, given, result, wants } of calls) {
    const object = objects.get(target);
    try {
      // deno-lint-ignore no-explicit-any -- see above
      let found: any = object[method](...decoded(given));
      if (wants !== "nothing") found = await found;
      if (method === "requestDevice") {
        found.addEventListener(
          "uncapturederror",
          (event: { error: Error }) => errors.push(event.error.message),
        );
        objects.set(result + 1, found.queue);
      }
      objects.set(result, found);
      if (wants === "bytes") {
        let text = "";
        for (const byte of new Uint8Array(object.getMappedRange(given[1], given[2]))) {
          text += String.fromCharCode(byte);
        }
        object.unmap();
        value = btoa(text);
      } else if (wants === "values" && found) {
        const limits: Record<string, number> = {};
        for (const name in found.limits) limits[name] = found.limits[name];
        const { description, vendor, architecture, device, subgroupMinSize } = found.info ?? {};
        value = {
          limits,
          features: [...found.features ?? []],
          message: found.message,
          info: { description, vendor, architecture, device, subgroupMinSize },
        };
      } else if (wants === "values") value = null;
    } catch (error) {
      failed = (error as Error).message;
    }
  }
  return { value, failed, errors: errors.splice(0) };
}

/** Calls that wait to be made in a page. */
class Calls {
  #waiting: Call[] = [];
  #next = 2;
  readonly #numbers = new WeakMap<object, number>();
  readonly listeners: ((event: Event) => void)[] = [];

  constructor(readonly page: Page) {}

  /** An object that stands for one of the page: its methods are recorded, `own` are its properties here. */
  object(own: Record<string, unknown> = {}, number: number = this.take()): Record<string, unknown> {
    const made: Record<string, unknown> = new Proxy(own, {
      get: (_, name) => {
        if (name in own || typeof name !== "string" || name === "then") return own[name as string];
        return (...given: unknown[]) => {
          const result = name === "createBuffer"
            ? this.#buffer(given[0] as GPUBufferDescriptor)
            : this.object();
          this.record(made, name, given, { wants: "nothing", result: this.#numberOf(result) });
          return result;
        };
      },
    });
    this.#numbers.set(made, number);
    return made;
  }

  /** Numbers are taken in pairs: a device's queue comes with it. */
  take(): number {
    return this.#next += 2;
  }

  record(
    target: object,
    method: string,
    given: unknown[],
    { wants, result = this.take() }: { wants: Call["wants"]; result?: number },
  ): void {
    this.#waiting.push({
      target: this.#numberOf(target),
      method,
      given: given.map((value) => this.#encoded(value)),
      result,
      wants,
    });
  }

  /** Makes all calls; the value of the last one. */
  async value(): Promise<unknown> {
    const calls = this.#waiting;
    this.#waiting = [];
    const { value, failed, errors } = await this.page.evaluate(play, calls);
    for (const message of errors) {
      const event = Object.assign(new Event("uncapturederror", { cancelable: true }), {
        error: new Error(message),
      });
      for (const listener of this.listeners) listener(event);
    }
    if (failed !== null) throw new DOMException(failed, "OperationError");
    return value;
  }

  #buffer({ size }: GPUBufferDescriptor): Record<string, unknown> {
    let mapped = new ArrayBuffer(0);
    const own: Record<string, unknown> = { size, getMappedRange: () => mapped, unmap: () => {} };
    const made = this.object(own);
    own.mapAsync = async (mode: number, from: number, bytes: number) => {
      this.record(made, "mapAsync", [mode, from, bytes], { wants: "bytes" });
      mapped = Uint8Array.fromBase64(await this.value() as string).buffer;
    };
    return made;
  }

  #numberOf(object: object): number {
    const number = this.#numbers.get(object);
    if (number === undefined) throw new Error("Cannot use an object that isn't of this page");
    return number;
  }

  #encoded(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (this.#numbers.has(value)) return { object: this.#numbers.get(value) };
    if (value instanceof Uint8Array) return { bytes: value.toBase64() };
    if (Array.isArray(value)) return value.map((inner) => this.#encoded(inner));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#encoded(inner)]));
  }
}

/** What the page tells of an adapter or device. */
type Told = Record<"limits" | "info", object> & { features: string[]; message?: string };

function device(calls: Calls, number: number, { limits, features }: Told): Record<string, unknown> {
  const queue = calls.object({
    writeBuffer: (buffer: object, start: number, data: ArrayBuffer, from: number, bytes: number) => {
      // Written later, so what stands there now is kept.
      calls.record(
        queue,
        "writeBuffer",
        [buffer, start, new Uint8Array(data, from, bytes).slice()],
        { wants: "nothing" },
      );
    },
    onSubmittedWorkDone: async () => {
      calls.record(queue, "onSubmittedWorkDone", [], { wants: "values" });
      await calls.value();
    },
  }, number + 1);
  let gone: (info: unknown) => void = () => {};
  const made = calls.object({
    limits,
    queue,
    features: new Set(features),
    lost: new Promise((resolve) => gone = resolve),
    addEventListener: (_name: string, listener: (event: Event) => void) => calls.listeners.push(listener),
    popErrorScope: async () => {
      calls.record(made, "popErrorScope", [], { wants: "values" });
      return await calls.value();
    },
    destroy: () => {
      calls.record(made, "destroy", [], { wants: "nothing" });
      gone({ reason: "destroyed", message: "" });
    },
  }, number);
  return made;
}

/** `navigator.gpu` of a page of Chromium, its shaders run by SwiftShader on the CPU. */
export interface ChromiumGpu {
  gpu: GPU;
  close(): Promise<void>;
}

/** Reason why there is none here, or null. */
export function noChromium(): string | null {
  return chromiumPath() ? null : "no Chromium is installed (DINOTUNE_CHROMIUM names one)";
}

/** A page in a secure context, where `navigator.gpu` is; no request leaves the process. @param path Chromium's program */
export async function pageWithGpu(path: string): Promise<{ page: Page; close(): Promise<void> }> {
  const browser = await chromium.launch({
    executablePath: path,
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
    ],
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(180_000);
  await page.route(
    "https://localhost/**",
    (route) => route.fulfill({ body: "<!doctype html>", contentType: "text/html" }),
  );
  await page.goto("https://localhost/");
  return { page, close: () => browser.close() };
}

/** Opens a page. @throws {Error} If there is no Chromium. */
export async function chromiumGpu(): Promise<ChromiumGpu> {
  const path = chromiumPath();
  if (path === undefined) throw new Error(`Cannot use Chromium's WebGPU: ${noChromium()}`);
  const { page, close } = await pageWithGpu(path);
  const calls = new Calls(page), gpu = calls.object({}, 0);
  const requestAdapter = async () => {
    const number = calls.take();
    calls.record(gpu, "requestAdapter", [], { wants: "values", result: number });
    const told = await calls.value() as Told | null;
    if (!told) return null;
    const adapter = calls.object({
      ...told,
      features: new Set(told.features),
      requestDevice: async (wanted: object) => {
        const own = calls.take();
        calls.record(adapter, "requestDevice", [wanted], { wants: "values", result: own });
        return device(calls, own, await calls.value() as Told);
      },
    }, number);
    return adapter;
  };
  return { gpu: { requestAdapter } as unknown as GPU, close };
}
