/**
 * Errors of an evaluation's plugins, with the plugin's name and the item that it was working on.
 * @module
 */
import type { Benchmark } from "../../plugins/kinds/benchmark.ts";
import { JudgeUnreachable } from "../../plugins/kinds/judge.ts";
import { faultAt, faultOf, isTold } from "../../plugins/kinds/plugin_fault.ts";
import { productIdentity, recordMakers } from "../../plugins/kinds/product_identity.ts";
import { Stopped } from "../ask/stopped.ts";

/**
 * The error with its place before its message; that a judge can't be reached and that the run stops are no faults of a plugin.
 * @param plugin Such as `benchmark/rows`; one that isn't built in is named with its file instead.
 * @param item Id; undefined: between two items.
 */
export function pluginFault(plugin: string, item: string | undefined, error: unknown): unknown {
  if (error instanceof Stopped || error instanceof JudgeUnreachable) return error;
  return faultAt(plugin, item, error);
}

/**
 * Product of `make`; an error of its that isn't told in words of ours carries the plugin's name.
 * @throws {Error} What `make` throws, in our words as it is, else with the plugin's name
 */
export function named<T>(plugin: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Error)) throw pluginFault(plugin, undefined, error);
    // the place in the YAML file stays in front, and the error the one that `placed` knows
    const [place = ""] = /^\S*:\d+:\d+: /.exec(error.message) ?? [];
    if (!isTold(error) && !faultOf(error)) {
      error.message = `${place}${plugin}: ${error.message.slice(place.length)}`;
    }
    throw error;
  }
}

/**
 * The benchmark; what its `contributions` throw carries its name and the item's id.
 * @throws {Error} (of `contributions`) With the benchmark's name and the item's id
 */
export function withNamedFaults(name: string, benchmark: Benchmark): Benchmark {
  const named: Benchmark = {
    items: () => benchmark.items(),
    ...(benchmark.check && { check: benchmark.check.bind(benchmark) }),
    ...(benchmark.protocol && { protocol: benchmark.protocol }),
    ...(benchmark.identity && { identity: benchmark.identity }),
    contributions(result) {
      try {
        return benchmark.contributions(result);
      } catch (error) {
        throw pluginFault(`benchmark/${name}`, result.item.id, error);
      }
    },
  };
  // what is cached by the benchmark is cached by its plugin still
  recordMakers(named, productIdentity(benchmark));
  return named;
}
