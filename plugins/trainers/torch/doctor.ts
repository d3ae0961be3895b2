/**
 * The needs of `trainer: torch` as found on this machine: Python, its packages, GPUs and the library they talk through.
 * @module
 */
import { pythonOf } from "./launch.ts";
import { NEEDS, requirements } from "./needs.ts";

/** One thing that the trainer needs, or is faster with. */
export interface TorchCheck {
  /** Human-readable. */
  what: string;
  works: boolean;
  /** Finding, or what is missing and what to do. */
  detail: string;
}

/** A Python's report on itself and its packages. */
export interface PythonReport {
  python: string;
  executable: string;
  /** Version by package; null: not there. */
  packages: Record<string, string | null>;
  gpus: string[];
  nccl: string | null;
}

// Versions come from the packages' metadata: importing them takes seconds, and only torch is asked for more.
const PROGRAM = `
import importlib.metadata as metadata, json, sys
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
packages = {name: version(name) for name in ("torch", "transformers", "peft", "accelerate", "bitsandbytes", "deepspeed")}
gpus, nccl = [], None
if packages["torch"]:
    try:
        import torch
        if torch.cuda.is_available():
            gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
            if torch.distributed.is_nccl_available():
                nccl = ".".join(map(str, torch.cuda.nccl.version()))
    except Exception as error:
        packages["torch"] = "! " + str(error).split("\\n")[0]
print(json.dumps({"python": sys.version.split()[0], "executable": sys.executable, "packages": packages, "gpus": gpus, "nccl": nccl}))
`;

/** Asks the Python that the trainer would take; the error's text if it can't be asked. */
export async function askPython(
  program: string = pythonOf({ python: null }),
): Promise<PythonReport | string> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: ["-c", PROGRAM],
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    if (code !== 0) return `${program} ended with ${code}: ${text(stderr).split("\n").at(-1)}`;
    return JSON.parse(text(stdout).split("\n").at(-1) ?? "") as PythonReport;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return `there is no program ${program}: install Python 3.10 or newer, or set DINOTUNE_PYTHON to one`;
    }
    return error instanceof Error ? error.message : String(error);
  }
}

/** The checks that follow from a report. */
export function checkTorch(report: PythonReport | string): TorchCheck[] {
  if (typeof report === "string") return [{ what: "python", works: false, detail: report }];
  const { python, executable, packages, gpus, nccl } = report;
  const install = (names: readonly string[]) => `${executable} -m pip install ${names.join(" ")}`;
  const needed = Object.keys(NEEDS), missing = needed.filter((name) => packages[name] === null);
  const old = needed.filter((name) => isOlder(packages[name] ?? "", NEEDS[name] ?? ""));
  const packageCheck = (name: string): TorchCheck => {
    const version = packages[name];
    if (version === null || version === undefined) {
      return { what: name, works: false, detail: `missing: ${install(missing)}` };
    }
    if (version.startsWith("! ")) {
      return { what: name, works: false, detail: `can't be imported: ${version.slice(2)}` };
    }
    if (old.includes(name)) {
      const newer = requirements(old).map((one) => `'${one}'`);
      return { what: name, works: false, detail: `${version} is too old: ${install(newer)}` };
    }
    return { what: name, works: true, detail: version };
  };
  const extra = (name: string, use: string): TorchCheck => {
    const version = packages[name];
    return { what: name, works: Boolean(version), detail: version ?? `${use}: ${install([name])}` };
  };
  return [
    { what: "python", works: true, detail: `${python}, ${executable}` },
    ...needed.map(packageCheck),
    {
      what: "GPUs",
      works: gpus.length > 0,
      detail: gpus.length > 0
        ? `${gpus.length}: ${[...new Set(gpus)].join(", ")}`
        : "none that torch can use: it trains on the CPU",
    },
    {
      what: "NCCL",
      works: nccl !== null,
      detail: nccl ?? "only used between GPUs; CPU processes talk through gloo",
    },
    extra("accelerate", "only for launcher: accelerate"),
    extra("bitsandbytes", "only for quantization: 4bit"),
    extra("deepspeed", "only for sharding: deepspeed"),
  ];
}

/** True if a version is before another, by its first two numbers. */
function isOlder(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => parseInt(part));
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  if (!/^\d/.test(version)) return false;
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
