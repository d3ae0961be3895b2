/**
 * Steps that every dataset plugin does around its own conversion.
 * @module
 */
import type { DatasetAttributes, Dropped, Example, Source } from "../kinds/dataset.ts";
import { refuseUnlearntRow } from "./_learnt.ts";
import { asRecord, RecordFault } from "./_record.ts";

/** Runs a conversion; a {@linkcode RecordFault} becomes the record's reason. Anything else is a bug and goes through. */
export function converting(
  record: unknown,
  attributes: DatasetAttributes,
  source: Source,
  convert: (record: Record<string, unknown>, attributes: DatasetAttributes) => Omit<Example, "source">,
): Example | Dropped {
  try {
    const fields = asRecord(record);
    refuseUnlearntRow(fields, Object.values(attributes.columns));
    return { source, ...convert(fields, attributes) };
  } catch (error) {
    if (error instanceof RecordFault) return { source, reason: error.reason, field: error.field };
    throw error;
  }
}
