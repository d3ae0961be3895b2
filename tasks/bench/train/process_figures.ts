/**
 * Age and memory of this process.
 * @module
 */

/** Seconds since this process started, runtime start included; null where /proc doesn't tell. */
export function processAge(): number | null {
  try {
    const ticks = Number(Deno.readTextFileSync("/proc/self/stat").split(") ")[1]!.split(" ")[19]);
    return Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) - ticks / 100;
  } catch {
    return null;
  }
}

/** Largest resident memory so far, MiB; where /proc doesn't tell, the present one. */
export function peakMebibytes(): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]) / 1024;
  } catch {
    return Deno.memoryUsage().rss / 2 ** 20;
  }
}
