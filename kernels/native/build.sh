#!/usr/bin/env bash
# build.sh [FILE]: compiles the operators' library to FILE (default: linux-x64.so beside this script), byte for byte the same anywhere.
# ZIG says how the compiler is called (default: python3 -m ziglang, of `pip install ziglang==0.15.2`): its clang brings glibc's headers and
# stubs, so that neither the system's compiler nor its C library shows.
set -euo pipefail
out="$(realpath -m "${1:-$(dirname "$0")/linux-x64.so}")"
cd "$(dirname "$0")/src"
zig=(${ZIG:-python3 -m ziglang})
version="$("${zig[@]}" version)"
[ "$version" = 0.15.2 ] || { echo "Cannot build with zig $version: use 0.15.2 (pip install ziglang==0.15.2)" >&2; exit 1; }
common=(-target x86_64-linux-gnu.2.17 -std=c11 -O3 -g0 -Wall -Wextra -Werror -fvisibility=hidden -fPIC)
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for file in *.c; do
  # Processors without prefetchw pass over it.
  features=(-mavx2 -mfma -mf16c -mprfchw)
  case "$file" in
    library.c | processor.c) features=() ;;
    packed_product_wide.c) features+=(-mavx512vl -mavx512vnni -mevex512) ;;
    *_wide.c) features+=(-mavx512f -mevex512) ;;
  esac
  "${zig[@]}" cc "${common[@]}" "${features[@]}" -c "$file" -o "$work/${file%.c}.o"
done
"${zig[@]}" cc -target x86_64-linux-gnu.2.17 -shared -s -Wl,-soname,linux-x64.so -o "$work/library" "$work"/*.o
mv "$work/library" "$out"
