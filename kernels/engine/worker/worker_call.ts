/**
 * Calls between this thread and a Worker: a method's name and its arguments go out, a value or an error comes back, and until then
 * the call may report events and may be cancelled. The Worker's side is {@linkcode serve}, the caller's {@linkcode connect}.
 * @module
 */

/** Context of a Worker's method, beside its arguments. */
export interface CallContext {
  /** Aborted when the caller cancels this call. */
  signal: AbortSignal;
  /** Sends an event of this call to the caller. */
  emit(event: unknown): void;
}

/** Methods by name; each may run while others do. */
export type Methods = Readonly<Record<string, (call: CallContext, ...args: never[]) => unknown>>;

/** Arrays that their side doesn't read again: they move to the other one, where others are copied twice on their way. */
export class GivenArrays {
  constructor(readonly arrays: Readonly<Record<string, Float32Array | Float64Array>>) {}

  /** Memory that goes with them: of arrays that have it to themselves. */
  get buffers(): Transferable[] {
    return Object.values(this.arrays).flatMap(({ buffer, byteLength }) =>
      buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
    );
  }
}

type Order = { id: number; method: string; args: unknown[] } | { id: number; cancel: true };

type Report = { id: number } & ({ event: unknown } | { value: unknown } | { error: SentError });

interface SentError {
  name: string;
  message: string;
  stack: string;
}

/**
 * Answers calls in this Worker.
 * @throws {TypeError} (at the caller's) If the Worker has no method of the name that is called
 */
export function serve(methods: Methods): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Order>) => void;
    postMessage(report: Report, transfer?: Transferable[]): void;
  };
  const running = new Map<number, AbortController>();
  scope.onmessage = async ({ data }) => {
    const { id } = data;
    if ("cancel" in data) return running.get(id)?.abort();
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const method = methods[data.method] as ((call: CallContext, ...args: unknown[]) => unknown) | undefined;
      if (method === undefined) {
        throw new TypeError(`Cannot call ${data.method}: the Worker has no such method`);
      }
      const emit = (event: unknown) => scope.postMessage({ id, event });
      const value = await method({ signal: controller.signal, emit }, ...data.args);
      if (value instanceof GivenArrays) scope.postMessage({ id, value: value.arrays }, value.buffers);
      else scope.postMessage({ id, value });
    } catch (error) {
      const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
      scope.postMessage({ id, error: { name, message, stack: stack ?? "" } });
    } finally {
      running.delete(id);
    }
  };
}

/** Events and abortion of a call. */
export interface CallOptions {
  /** Called with every event. What it throws is what the call throws; other calls continue. */
  onEvent?: ((event: unknown) => void) | undefined;
  /** When it is aborted, the call throws its reason at once and the Worker's method gets the signal. */
  signal?: AbortSignal | undefined;
  /** Memory within the arguments that moves to the Worker; absent: all is copied. */
  transfer?: Transferable[];
}

/** A Worker that can be called. */
export interface WorkerConnection {
  /**
   * Calls a method.
   * @throws What the method throws; its class is kept for the built-in classes and those given to {@linkcode connect}.
   * @throws {Error} If the Worker stopped, now or before.
   */
  call<T>(method: string, args: readonly unknown[], options?: CallOptions): Promise<T>;
  /** Ends the Worker at once; calls under way are never answered. */
  terminate(): void;
}

/** An error class that can be made from a message. */
export type ErrorClass = new (message: string) => Error;

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
  onEvent?: ((event: unknown) => void) | undefined;
}

/**
 * Starts a Worker.
 * @param url Its module, which calls {@linkcode serve}
 * @param name Name in errors, such as `engine`
 * @param errors Classes of its errors beside the built-in ones
 * @param permissions Those of this thread (default), or none
 * @throws {Error} (of each call) What the method threw, or why the Worker ended
 */
export function connect(
  url: URL,
  name: string,
  errors: readonly ErrorClass[] = [],
  permissions: "inherit" | "none" = "inherit",
): WorkerConnection {
  const options = { type: "module", name } as const;
  const worker = new Worker(url, permissions === "none" ? { ...options, deno: { permissions } } : options);
  const classes = new Map(
    [RangeError, TypeError, SyntaxError, ...errors].map((c) => [c.name, c as ErrorClass]),
  );
  const waiting = new Map<number, Waiting>();
  let next = 0, fault: Error | undefined;
  worker.onmessage = ({ data }: MessageEvent<Report>) => {
    const call = waiting.get(data.id);
    if ("event" in data) {
      try {
        return call?.onEvent?.(data.event);
      } catch (error) {
        return call?.reject(error);
      }
    }
    waiting.delete(data.id);
    if ("value" in data) return call?.resolve(data.value);
    const error = new (classes.get(data.error.name) ?? Error)(data.error.message);
    error.stack = data.error.stack;
    call?.reject(error);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fault = new Error(`Cannot continue: the Worker of the ${name} stopped: ${event.message}`);
    for (const { reject } of waiting.values()) reject(fault);
    waiting.clear();
  };
  const post = (order: Order, transfer: Transferable[] = []) => worker.postMessage(order, transfer);
  return {
    call: async <T>(
      method: string,
      args: readonly unknown[],
      { onEvent, signal, transfer }: CallOptions = {},
    ) => {
      signal?.throwIfAborted();
      if (fault) throw fault;
      const id = next++;
      const cancel = () => {
        post({ id, cancel: true });
        waiting.get(id)?.reject(signal?.reason);
      };
      signal?.addEventListener("abort", cancel, { once: true });
      try {
        return await new Promise<unknown>((resolve, reject) => {
          waiting.set(id, { resolve, reject, onEvent });
          post({ id, method, args: [...args] }, transfer);
        }) as T;
      } finally {
        signal?.removeEventListener("abort", cancel);
      }
    },
    terminate: () => worker.terminate(),
  };
}
