/**
 * Commands and environments of the Python processes: the ranks themselves, or a launcher that starts them.
 * @module
 */
import { fileURLToPath } from "node:url";

import { requirements } from "./needs.ts";
import type { TorchOptions } from "./options.ts";

/** One process to start. */
export interface Launch {
  /** Its rank; null: a launcher of several. */
  rank: number | null;
  command: readonly [program: string, ...arguments: string[]];
  env: Record<string, string>;
}

/** Addresses and secrets by which ranks find this program and each other. */
export interface Meeting {
  /** First words of the one rank that speaks to this program: anything printed before them is passed over. */
  token: string;
  /** A file that isn't there yet, where ranks of one machine meet. */
  file: string;
}

/** The Python package's folder. */
export const PACKAGE_FOLDER: string = fileURLToPath(new URL("./python/", import.meta.url));

const MODULE = "dinotune_torch";

/** The Python program of the options: written, else of DINOTUNE_PYTHON, else `python3`. */
export function pythonOf({ python }: Pick<TorchOptions, "python">): string {
  return python ?? (Deno.env.get("DINOTUNE_PYTHON") || "python3");
}

/** Processes to start on this machine. */
export function launches(options: TorchOptions, perNode: number, meeting: Meeting): Launch[] {
  const python = pythonOf(options), env = commonEnvironment(options, meeting);
  if (options.launcher === "direct") {
    return Array.from({ length: perNode }, (_, rank) => ({
      rank,
      command: [python, "-m", MODULE],
      env: {
        ...env,
        RANK: `${rank}`,
        LOCAL_RANK: `${rank}`,
        WORLD_SIZE: `${perNode}`,
        LOCAL_WORLD_SIZE: `${perNode}`,
        DINOTUNE_TORCH_MEETING: `file://${meeting.file}`,
        // The ranks talk over loopback only.
        GLOO_SOCKET_IFNAME: Deno.build.os === "darwin" ? "lo0" : "lo",
      },
    }));
  }
  if (options.launcher === "torchrun") {
    return [{ rank: null, command: [python, ...torchrunArguments(options, perNode)], env }];
  }
  const flags = [
    ...["--num_processes", `${perNode}`, "--num_machines", "1", "--main_process_port", "0"],
    ...["--mixed_precision", "no", "--dynamo_backend", "no"],
    ...(perNode > 1 ? ["--multi_gpu"] : []),
  ];
  return [{
    rank: null,
    command: [python, "-m", "accelerate.commands.launch", ...flags, "--module", MODULE],
    env,
  }];
}

/** For people: what has to run on every other machine of a run. The model's folder has to be there too, under the same path. */
export function otherNodesCommand(options: TorchOptions, perNode: number): string {
  return [
    "PYTHONPATH=plugins/trainers/torch/python",
    pythonOf(options),
    ...torchrunArguments(options, perNode),
  ].join(" ");
}

function torchrunArguments(options: TorchOptions, perNode: number): string[] {
  return [
    ...["-m", "torch.distributed.run", "--nnodes", `${options.nnodes}`, "--nproc-per-node", `${perNode}`],
    ...["--rdzv-backend", "c10d", "--rdzv-endpoint", endpointOf(options), "--rdzv-id", options.rdzv_id],
    ...["-m", MODULE],
  ];
}

function endpointOf({ rdzv_endpoint }: TorchOptions): string {
  return rdzv_endpoint ?? "127.0.0.1:0";
}

function commonEnvironment(
  { ddp_timeout, device, dtype, node_rank }: TorchOptions,
  { token }: Meeting,
): Record<string, string> {
  const path = Deno.env.get("PYTHONPATH");
  return {
    PYTHONPATH: path ? `${PACKAGE_FOLDER}${Deno.build.os === "windows" ? ";" : ":"}${path}` : PACKAGE_FOLDER,
    // Nothing is written beside the sources.
    PYTHONDONTWRITEBYTECODE: "1",
    // Of several machines one speaks to this program.
    ...node_rank === 0 && { DINOTUNE_TORCH_TOKEN: token },
    ...device === "cpu" && { DINOTUNE_TORCH_DEVICE: "cpu" },
    DINOTUNE_TORCH_PARENT: "stdin",
    DINOTUNE_TORCH_TIMEOUT: `${ddp_timeout}`,
    DINOTUNE_TORCH_NEEDS: requirements().join(" "),
    // Large tensors come and go every step: kept by the process, their pages needn't be zeroed again each time. Values that
    // products widen leave holes between the narrow ones that stay, some 130 MiB of SmolLM2's 2 GiB: theirs are given back.
    MALLOC_MMAP_THRESHOLD_: Deno.env.get("MALLOC_MMAP_THRESHOLD_") ??
      `${2 ** (dtype === "bfloat16" ? 22 : 30)}`,
    MALLOC_TRIM_THRESHOLD_: Deno.env.get("MALLOC_TRIM_THRESHOLD_") ?? `${2 ** 31}`,
  };
}
