#!/usr/bin/env bash
# guess: hyparquet with hyparquet-compressors reads every parquet file in LZ4 that pyarrow writes
# what happens: a file with a column that is null in all rows of a row group is refused with "lz4 offset out of range 0": its dictionary page has no bytes, LZ4 packs that as the
#   one byte 00 (no literals, the end), and the reader takes it for the start of a match. The same file in zstd, gzip or snappy is read
# version: hyparquet 1.31.5, hyparquet-compressors 1.1.2, pyarrow 26.0.1
# why it matters: a data set's optional column decides, row group by row group: a file that was read for months fails once such a group is in it. Give the reader an LZ4_RAW of your own that
#   returns an empty Uint8Array for outputLength 0, or write without dictionaries (use_dictionary=False)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund hyparquet@1.31.5 hyparquet-compressors@1.1.2 > /dev/null
cat > write.py <<'PY'
import pyarrow as pa
import pyarrow.parquet as pq

rows = pa.table({"n": pa.array([None, None, 7, None], pa.int8())})
for codec in ["zstd", "lz4"]:
    pq.write_table(rows, f"{codec}.parquet", compression=codec, row_group_size=2)
    print(codec, "pyarrow", pq.read_table(f"{codec}.parquet")["n"].to_pylist())
pq.write_table(rows, "plain.parquet", compression="lz4", row_group_size=2, use_dictionary=False)
print("the packed form of no bytes:", pa.Codec("lz4_raw").compress(b"", asbytes=True))
PY
cat > read.mjs <<'JS'
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

const own = { ...compressors, LZ4_RAW: (bytes, length) => length === 0 ? new Uint8Array(0) : compressors.LZ4_RAW(bytes, length) };
for (const [name, how] of [["zstd", compressors], ["lz4", compressors], ["lz4", own], ["plain", compressors]]) {
  const file = await asyncBufferFromFile(`${name}.parquet`);
  const said = await parquetReadObjects({ file, compressors: how }).then(
    (rows) => JSON.stringify(rows.map(({ n }) => n ?? null)),
    (error) => error.message,
  );
  console.log(`${name}${how === own ? ", own" : ""}: ${said}`);
}
JS
output=$(venv/bin/python write.py; node read.mjs)
echo "$output"
rows='[null,null,7,null]'
expected="zstd pyarrow [None, None, 7, None]|lz4 pyarrow [None, None, 7, None]|the packed form of no bytes: b'\\x00'|zstd: $rows|lz4: lz4 offset out of range 0|lz4, own: $rows|plain: $rows"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
