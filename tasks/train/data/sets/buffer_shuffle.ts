/**
 * Shuffles a stream through a buffer, as Hugging Face's `IterableDataset.shuffle(buffer_size, seed)` does.
 * @module
 */
import { NumpyGenerator } from "../../../../kernels/random/numpy.ts";

/**
 * Takes items into a buffer; once it is full, each new item pushes out a random one.
 *
 * @param bufferSize Items in the buffer, > 0.
 * @param seed Whole number >= 0.
 * @param epoch From 0; each has its own order.
 */
export async function* bufferShuffle<T>(
  items: AsyncIterable<T>,
  bufferSize: number,
  seed: number,
  epoch: number,
): AsyncGenerator<T> {
  const generator = new NumpyGenerator(epochSeed(seed, epoch));
  const buffer: T[] = [];
  let places: number[] = [];
  for await (const item of items) {
    if (buffer.length < bufferSize) {
      buffer.push(item);
      continue;
    }
    // drawn by the thousand there, which decides where the generator stands at the end
    if (places.length === 0) {
      places = Array.from({ length: 1000 }, () => generator.integer(bufferSize)).reverse();
    }
    const place = places.pop()!;
    yield buffer[place]!;
    buffer[place] = item;
  }
  generator.shuffle(buffer);
  yield* buffer;
}

/** Seed of an epoch: the first one's own, later ones drawn from it. */
function epochSeed(seed: number, epoch: number): bigint {
  if (epoch === 0) return BigInt(seed);
  const drawn = (new NumpyGenerator(seed).next64() >> 1n) - BigInt(epoch);
  return drawn < 0n ? (1n << 63n) + drawn : drawn;
}
