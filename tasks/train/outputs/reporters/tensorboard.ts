/**
 * TensorBoard event files: TFRecords of `Event` messages (tensorflow/core/util/event.proto and summary.proto). Only the
 * few fields that scalars need are written.
 * @module
 */
import { join } from "@std/path";

import { appendRecord } from "../../../../formats/append.ts";
import { makeFolder, writeFileAtomicSync } from "../../../../formats/atomic.ts";
import { maskedCrc32c } from "./crc32c.ts";
import type { Report, Reporter } from "./reporter.ts";

/**
 * A reporter that writes one `events.out.tfevents.*` file in `directory` (made when needed). On resume the file of the
 * first start is written again up to the checkpoint.
 * @throws {Error} (of `append`) If it wasn't started
 */
export function tensorboardReporter(directory: string): Reporter {
  let path: string | null = null;
  return {
    get path() {
      return path;
    },
    rewrite(reports, startedAt) {
      makeFolder(directory, "logging_dir");
      const records = [versionEvent(startedAt), ...reports.map(scalarEvent)].map(record);
      const file = join(directory, `events.out.tfevents.${Math.floor(startedAt)}.dinotune`);
      writeFileAtomicSync(file, concat(records));
      path = file;
    },
    append(report) {
      if (path === null) throw new Error("Cannot append to the event file as it wasn't started");
      appendRecord(path, record(scalarEvent(report)));
    },
  };
}

/** The first event of a file. `wallTime` in seconds since 1970. */
function versionEvent(wallTime: number): Uint8Array {
  return concat([doubleField(1, wallTime), textField(3, "brain.Event:2")]);
}

/** An event with one scalar a tag. */
function scalarEvent({ step, wallTime, values }: Report): Uint8Array {
  const summary = Object.entries(values).map(([tag, value]) =>
    bytesField(1, concat([textField(1, tag), floatField(2, value)]))
  );
  return concat([doubleField(1, wallTime), varintField(2, step), bytesField(5, concat(summary))]);
}

/** A TFRecord: length, its masked checksum, data, its masked checksum. */
export function record(data: Uint8Array): Uint8Array {
  const result = new Uint8Array(data.length + 16);
  const view = new DataView(result.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(result.subarray(0, 8)), true);
  result.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return result;
}

// Protobuf fields: a tag (number << 3 | wire type), then the value. Zero is the default and isn't written, as in proto3.

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push(rest % 128 + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

function varintField(field: number, value: number): Uint8Array {
  return value === 0 ? new Uint8Array() : Uint8Array.from([field << 3, ...varint(value)]);
}

function doubleField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = field << 3 | 1;
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return bytes;
}

/** Written even when zero: `simple_value` is one of several alternatives. */
function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = field << 3 | 5;
  new DataView(bytes.buffer).setFloat32(1, value, true);
  return bytes;
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return concat([Uint8Array.from([field << 3 | 2, ...varint(bytes.length)]), bytes]);
}

function textField(field: number, text: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(text));
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
