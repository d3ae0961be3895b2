#include "label_logprob.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>

#include "float_ahead.h"
#include "float_packed_tiles.h"
#include "soft_cap.h"

// Rows of w whose logits are made at once; depth of a part; panels that are laid out at once; groups of labels that stay in the second-level
// cache; shares of the vocabulary, and slots of memory, and so threads at most.
enum { CHUNK = 256, DEPTH = 320, PANELS = 4, BLOCK_GROUPS = 24, SHARES = 16, SLOTS = 16 };
// Floats of all shares' sums, at most where there is more than one share.
static const ptrdiff_t MOST = 1 << 23;

typedef struct {
  const Labels *p;
  ptrdiff_t groups, cuts, depth, chunks, shares, padded;
  float *h;             // [cuts, groups, depth, 6]
  float *most, *total;  // [shares, 6 groups]: the largest logit, and the sum of e^(logit - most)
  float *means;         // [shares, 6 groups, padded]: sums of rows of w times e^(logit - most)
  float *picked;        // [labels]: the label's own logit
  float *slots;
  ptrdiff_t slot;
  atomic_size_t next;
} Job;

static void pack_labels(void *data, size_t index) {
  const Job *j = data;
  const Labels *p = j->p;
  const ptrdiff_t g = (ptrdiff_t)index, row = g * TILE_ROWS, rows = least(TILE_ROWS, p->labels - row);
  for (ptrdiff_t c = 0; c < j->cuts; c++) {
    const ptrdiff_t from = c * j->depth, depth = least(j->depth, p->columns - from);
    pack_group(p->h + row * p->columns + from, p->columns, rows, depth, j->h + (c * j->groups + g) * j->depth * TILE_ROWS);
  }
}

// Rows of w from a panel on, for a part of the depth; none behind the last.
static Ahead rows_ahead(const Job *j, ptrdiff_t first, ptrdiff_t c) {
  const Labels *p = j->p;
  const ptrdiff_t from = c * j->depth, rows = least(PANELS * TILE_COLUMNS, p->vocab - first);
  return rows > 0 ? ahead_of(p->w, p->columns, first, from, rows, least(j->depth, p->columns - from)) : (Ahead){0};
}

// logits [6 groups, CHUNK] of rows first..first + count - 1 of w, capped where that is asked for, −∞ behind them up to a whole panel.
static void logits_of(const Job *j, ptrdiff_t first, ptrdiff_t count, float *panels, float *logits) {
  const Labels *p = j->p;
  const ptrdiff_t all = ceil_div(count, TILE_COLUMNS), size = j->depth * TILE_COLUMNS;
  for (ptrdiff_t start = 0; start < all; start += PANELS) {
    const ptrdiff_t end = least(all, start + PANELS);
    for (ptrdiff_t c = 0; c < j->cuts; c++) {
      const ptrdiff_t from = c * j->depth, depth = least(j->depth, p->columns - from);
      for (ptrdiff_t n = start; n < end; n++) {
        pack_panel(p->w, first + count, p->columns, 1, from, depth, first + n * TILE_COLUMNS, 1, panels + (n - start) * size);
      }
      Ahead next = c + 1 < j->cuts ? rows_ahead(j, first + start * TILE_COLUMNS, c + 1) : rows_ahead(j, first + end * TILE_COLUMNS, 0);
      const ptrdiff_t lines = ceil_div(next.left, j->groups * (end - start));
      for (ptrdiff_t block = 0; block < j->groups; block += BLOCK_GROUPS) {
        const Packed f = {.a = j->h + (c * j->groups + block) * j->depth * TILE_ROWS, .b = panels, .depth = depth};
        const PackedTiles t = {f, j->depth * TILE_ROWS, size, 0, 0};
        float *to = logits + block * TILE_ROWS * CHUNK + start * TILE_COLUMNS;
        packed_tiles(&t, least(BLOCK_GROUPS, j->groups - block), end - start, c ? to : NULL, CHUNK, to, CHUNK, &next, lines);
      }
    }
  }
  for (ptrdiff_t l = 0; l < j->groups * TILE_ROWS; l++) {
    if (p->cap) soft_cap(logits + l * CHUNK, all * TILE_COLUMNS, p->cap, NULL);
    for (ptrdiff_t v = count; v < all * TILE_COLUMNS; v++) logits[l * CHUNK + v] = -INFINITY;
  }
}

// A row's logits become e^(logit - most), and what was summed before gets the new most; a NaN is never the most.
static void weigh(float *logits, ptrdiff_t count, float *most, float *total, float *mean, ptrdiff_t padded) {
  __m256 m = _mm256_set1_ps(*most);
  for (ptrdiff_t v = 0; v < count; v += 8) m = _mm256_max_ps(_mm256_loadu_ps(logits + v), m);
  const float now = largest_of_8(m);
  if (now != *most) {
    const __m256 factor = exponential(_mm256_set1_ps(*most - now));
    *total *= _mm256_cvtss_f32(factor), *most = now;
    for (ptrdiff_t c = 0; mean && c < padded; c += 8) _mm256_storeu_ps(mean + c, _mm256_mul_ps(_mm256_loadu_ps(mean + c), factor));
  }
  *total += exponentials(logits, count, _mm256_set1_ps(now));
}

// A share of the vocabulary.
static void some_chunks(const Job *j, ptrdiff_t share, float *slot) {
  const Labels *p = j->p;
  const ptrdiff_t rows = j->groups * TILE_ROWS, end = j->chunks * (share + 1) / j->shares;
  float *logits = slot, *weights = logits + rows * CHUNK, *panels = weights + (p->dh ? rows * CHUNK : 0);
  float *most = j->most + share * rows, *total = j->total + share * rows, *means = j->means + share * rows * j->padded;
  for (ptrdiff_t l = 0; l < rows; l++) most[l] = -FLT_MAX, total[l] = 0;
  if (p->dh) memset(means, 0, (size_t)(rows * j->padded) * sizeof(float));
  for (ptrdiff_t chunk = j->chunks * share / j->shares; chunk < end; chunk++) {
    const ptrdiff_t first = chunk * CHUNK, count = least(CHUNK, p->vocab - first);
    logits_of(j, first, count, panels, logits);
    for (ptrdiff_t l = 0; l < p->labels; l++) {
      if (p->ids[l] >= first && p->ids[l] < first + count) j->picked[l] = logits[l * CHUNK + p->ids[l] - first];
    }
    for (ptrdiff_t g = 0; g < j->groups; g++) {
      for (ptrdiff_t l = g * TILE_ROWS; l < (g + 1) * TILE_ROWS; l++) {
        const ptrdiff_t whole = ceil_div(count, TILE_COLUMNS) * TILE_COLUMNS;
        const int sloped = p->cap && p->dh;
        float capped[CHUNK];
        if (sloped) memcpy(capped, logits + l * CHUNK, (size_t)whole * sizeof(float));
        weigh(logits + l * CHUNK, whole, most + l, total + l, p->dh ? means + l * j->padded : NULL, j->padded);
        if (sloped) times_slopes(capped, whole, p->cap, logits + l * CHUNK);
      }
      if (p->dh) pack_group(logits + g * TILE_ROWS * CHUNK, CHUNK, TILE_ROWS, count, weights + g * TILE_ROWS * CHUNK);
    }
    if (!p->dh) continue;
    for (ptrdiff_t start = 0; start < j->padded; start += PANELS * TILE_COLUMNS) {
      const ptrdiff_t stop = least(j->padded, start + PANELS * TILE_COLUMNS);
      for (ptrdiff_t c = start; c < stop; c += TILE_COLUMNS) {
        pack_panel(p->w, p->columns, p->vocab, 0, first, count, c, 1, panels + (c - start) * CHUNK);
      }
      for (ptrdiff_t block = 0; block < j->groups; block += BLOCK_GROUPS) {
        const Packed f = {.a = weights + block * TILE_ROWS * CHUNK, .b = panels, .depth = count};
        const PackedTiles t = {f, TILE_ROWS * CHUNK, TILE_COLUMNS * CHUNK, 0, 0};
        float *to = means + block * TILE_ROWS * j->padded + start;
        Ahead nothing = {0};
        packed_tiles(&t, least(BLOCK_GROUPS, j->groups - block), (stop - start) / TILE_COLUMNS, to, j->padded, to, j->padded, &nothing, 0);
      }
    }
  }
}

static void slot_work(void *data, size_t index) {
  Job *j = data;
  for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < (size_t)j->shares;) {
    some_chunks(j, (ptrdiff_t)i, j->slots + (ptrdiff_t)index * j->slot);
  }
}

// Natural logarithm of 1 and more; NaN of NaN. By (x - 1) / (x + 1) of the mantissa, so that it doesn't depend on a system's library.
static double logarithm(double x) {
  if (!(x >= 1)) return NAN;
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  // The mantissa between 1/√2 and √2.
  const int64_t exponent = (bits - 0x3fe6a09e667f3bcd) >> 52;
  bits -= exponent << 52;
  double m;
  memcpy(&m, &bits, sizeof m);
  const double s = (m - 1) / (m + 1), q = s * s;
  double sum = 0;
  for (int n = 19; n > 0; n -= 2) sum = sum * q + 2.0 / n;
  return (double)exponent * 0.6931471805599453 + sum * s;
}

// Of a label: its shares' sums as one.
static void join_label(void *data, size_t index) {
  const Job *j = data;
  const Labels *p = j->p;
  const ptrdiff_t l = (ptrdiff_t)index, rows = j->groups * TILE_ROWS;
  float most = -FLT_MAX, total = 0, factor[SHARES];
  for (ptrdiff_t s = 0; s < j->shares; s++) most = j->most[s * rows + l] > most ? j->most[s * rows + l] : most;
  for (ptrdiff_t s = 0; s < j->shares; s++) {
    factor[s] = _mm256_cvtss_f32(exponential(_mm256_set1_ps(j->most[s * rows + l] - most)));
    total += factor[s] * j->total[s * rows + l];
  }
  p->logp[l] = (float)((double)(j->picked[l] - most) - logarithm(total));
  const float share = p->cap ? j->picked[l] / p->cap : 0;
  const __m256 own_slope = _mm256_set1_ps(1 - share * share);
  for (ptrdiff_t c = 0; p->dh && c < p->columns; c += 8) {
    __m256 sum = _mm256_setzero_ps();
    for (ptrdiff_t s = 0; s < j->shares; s++) {
      sum = _mm256_fmadd_ps(_mm256_set1_ps(factor[s]), _mm256_loadu_ps(j->means + (s * rows + l) * j->padded + c), sum);
    }
    const __m256 own = _mm256_mul_ps(row_8(p->w, p->columns, p->ids[l], c), own_slope);
    put(p->dh + l * p->columns + c, _mm256_sub_ps(own, _mm256_div_ps(sum, _mm256_set1_ps(total))), p->columns - c);
  }
}

static Job job_of(const Labels *p) {
  Job j = {.p = p, .groups = ceil_div(p->labels, TILE_ROWS), .chunks = ceil_div(p->vocab, CHUNK)};
  j.cuts = p->columns ? ceil_div(p->columns, DEPTH) : 1;
  j.depth = ceil_div(ceil_div(p->columns, j.cuts), 4) * 4;
  j.padded = ceil_div(p->columns, TILE_COLUMNS) * TILE_COLUMNS;
  const ptrdiff_t rows = j.groups * TILE_ROWS, room = p->dh ? MOST / (rows * j.padded + 1) : SHARES;
  j.shares = least(least(SHARES, j.chunks), room < 1 ? 1 : room);
  j.slot = (p->dh ? 2 : 1) * rows * CHUNK + PANELS * TILE_COLUMNS * (j.depth > CHUNK ? j.depth : CHUNK);
  return j;
}

// Where each part of the scratch memory begins, the last one's end.
static size_t place(Job *j, float *scratch) {
  const ptrdiff_t rows = j->groups * TILE_ROWS, sums = j->shares * rows;
  j->slots = scratch;
  // What is read ahead of a's end is memory, too.
  j->h = j->slots + least(SLOTS, j->shares) * j->slot;
  j->means = j->h + j->cuts * rows * j->depth + 256;
  j->most = j->means + (j->p->dh ? sums * j->padded : 0);
  j->total = j->most + sums;
  j->picked = j->total + sums;
  return (size_t)(j->picked + rows - scratch);
}

size_t label_logprob_scratch(const Labels *p) {
  Job j = job_of(p);
  float *const nowhere = (float *)64;
  return place(&j, nowhere);
}

void label_logprob(const Labels *p, float *scratch, Threads threads) {
  if (p->labels == 0) return;
  Job j = job_of(p);
  place(&j, scratch);
  threads.run(threads.place, pack_labels, &j, (size_t)j.groups);
  atomic_store(&j.next, 0);
  threads.run(threads.place, slot_work, &j, (size_t)least(SLOTS, j.shares));
  threads.run(threads.place, join_label, &j, (size_t)p->labels);
}
