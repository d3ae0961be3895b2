"""Stand-ins for CUDA's libraries, so that PyTorch's package for GPUs loads on a machine that has none.

The package index has no build of PyTorch for CPUs alone, and the libraries that its build for GPUs is linked with are 2 GB that
nothing on a CPU calls. Each stand-in has the functions that PyTorch names, and every function fails as CUDA does without a
device (cudaErrorNoDevice), so that torch.cuda.is_available() is False. Those that describe an error give a text:
transformers asks on CPUs, too, whether a CUDA stream is being captured, and catches the exception with that text.

usage: torch_without_cuda.py SITE_PACKAGES/torch
"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile

NO_DEVICE = 100
TEXT = re.compile(r"Get(Last)?(Error|Status)(String|Name)$|GetErrorString$")
LIBRARY = re.compile(r"\[(lib(?:cu|nccl|nvrtc|nvshmem)[\w]*\.so\.\d+)\]")
FUNCTION = re.compile(r"(cu|nccl|nvrtc|nvshmem|__cuda|__nv|_cu)\w*$")


def stand_in(name: str) -> str:
    if TEXT.search(name):
        return f'const char *{name}(void) {{ return "CUDA\'s libraries are stand-ins here"; }}\n'
    return f"int {name}(void) {{ return {NO_DEVICE}; }}\n"


def main(torch: pathlib.Path) -> None:
    libraries: set[str] = set()
    functions: dict[str, set[str]] = collections.defaultdict(set)
    for path in sorted((torch / "lib").glob("lib*.so")):
        shown = subprocess.run(["readelf", "-Wd", "--dyn-syms", path], capture_output=True, text=True, check=True).stdout
        for line in shown.splitlines():
            parts = line.split()
            if "(NEEDED)" in line and (found := LIBRARY.search(line)):
                libraries.add(found.group(1))
            elif len(parts) >= 8 and parts[6] == "UND":
                name, _, version = parts[7].partition("@")
                if FUNCTION.match(name):
                    functions[version.lstrip("@")].add(name)
    # Brought by a GPU's driver, and looked for only when there is one.
    libraries.discard("libcuda.so.1")
    with tempfile.TemporaryDirectory() as folder:
        for library in sorted(libraries):
            version = "NVSHMEM" if "nvshmem" in library else library
            versioned = functions.get(version, set())
            # Functions without a version are found in whichever library has them.
            others = functions.get("", set()) if "nccl" in library else set()
            source, script = pathlib.Path(folder, "source.c"), pathlib.Path(folder, "versions")
            source.write_text("".join(map(stand_in, sorted(versioned | others))))
            script.write_text(f"{version} {{ global: *; }};\n")
            flags = [f"-Wl,--version-script={script}"] if versioned else []
            output = torch / "lib" / library
            subprocess.run(
                ["cc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{library}", *flags, "-o", str(output), str(source)], check=True
            )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
