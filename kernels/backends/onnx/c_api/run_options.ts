/**
 * Options of a run.
 * @module
 */
import { OrtHandle } from "./handle.ts";
import type { OrtLibrary } from "./library.ts";
import { cString } from "./memory.ts";
import { checkStatus, created } from "./status.ts";

/** Options of a run; one value may serve many. */
export class RunOptions extends OrtHandle {
  /** @param config Entries of onnxruntime_run_options_config_keys.h. */
  constructor(private readonly library: OrtLibrary, config: Readonly<Record<string, string>> = {}) {
    const { api } = library;
    super("options of a run", api.ReleaseRunOptions);
    this.own(created(api, "make options of a run", (out) => api.CreateRunOptions(out)));
    try {
      for (const [key, value] of Object.entries(config)) {
        checkStatus(
          api,
          `set "${key}" of a run`,
          api.AddRunConfigEntry(this.pointer, cString(key), cString(value)),
        );
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Has runs in the background that have these options end at their next operator, with an error. */
  stop(): void {
    checkStatus(this.library.api, "stop a run", this.library.api.RunOptionsSetTerminate(this.pointer));
  }

  /** Makes them fit for a run again after `stop()`. */
  renew(): void {
    checkStatus(
      this.library.api,
      "renew options of a run",
      this.library.api.RunOptionsUnsetTerminate(this.pointer),
    );
  }
}
