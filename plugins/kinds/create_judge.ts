/**
 * A judge as a configuration names it: a judge plugin, or a model behind an endpoint plugin.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";
import type { Judge, JudgeSpec } from "./judge.ts";
import { placed, placeUnder } from "./place.ts";
import type { PluginContext } from "./plugin.ts";

/**
 * Makes a judge. A name of both kinds, such as `recorded`, is the judge.
 * @param context The run's plugins, and where the judge was named
 * @returns The judge, and its name for reports
 * @throws {RangeError} If there is neither a judge nor an endpoint of that name
 * @throws {TypeError} If the options don't fit
 */
export function createJudge(
  { type, args = {}, run_args }: JudgeSpec,
  { registry, place }: PluginContext,
): { judge: Judge; title: string } {
  if (registry.has("judge", type)) {
    const judge = registry.create("judge", type, args, placeUnder(place, "args"));
    return { judge, title: judge.title ?? type };
  }
  if (!registry.has("endpoint", type)) {
    const known = [...new Set([...registry.names("judge"), ...registry.names("endpoint")])];
    return placed(place("type"), () => {
      throw new RangeError(
        `Cannot find the judge "${type}"${didYouMean(type, known)}: known are ${known.join(", ")}`,
      );
    });
  }
  const judge = registry.create("judge", "model", { type, args, run_args: run_args ?? {} }, place);
  return { judge, title: judge.title ?? type };
}
