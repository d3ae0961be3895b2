// Gradient of attention: weights are recomputed block by block (as in FlashAttention, Dao et al. 2022): with P the weights and
// delta = sum of dO * O, dS = P * (dO V' - delta), of capped scores times 1 - (score / cap)^2; dQ = s dS K, dK = s dS' Q, dV = P' dO.
#include <math.h>

#include "attention_wide.h"

TURNED(4)
TURNED(6)

// to [16, d] (+)= the transpose of a tile's weights times rows of a block.
static void turn(const AttentionJob *j, const View *w, ptrdiff_t n, const float *rows, float *to, int add) {
  const float *tile = w->weights + n * TILE;
  unsigned char groups[GROUPS];
  ptrdiff_t count = 0;
  for (ptrdiff_t g = 0; g < w->groups; g++) {
    if (w->sight[n * GROUPS + g] != NONE) groups[count++] = (unsigned char)g;
  }
  if (j->wide) {
    wide_turn(j, w, n, rows, groups, count, to, add);
    return;
  }
  for (ptrdiff_t c = 0; c < j->d; c += TILE_COLUMNS) {
    turned6(tile, w->step, rows + c, j->ld, groups, count, to + c, j->d, add);
    turned6(tile + 6, w->step, rows + c, j->ld, groups, count, to + 6 * j->d + c, j->d, add);
    turned4(tile + 12, w->step, rows + c, j->ld, groups, count, to + 12 * j->d + c, j->d, add);
  }
}

// Weights of some tiles become gradients of scores.
static void slopes(const AttentionJob *j, const View *w, ptrdiff_t from, ptrdiff_t end) {
  const float *panels = j->v_panels + w->kv * j->tiles * KEYS * j->d;
  if (j->wide) {
    wide_slopes(j, w, from, end, panels);
    return;
  }
  for (ptrdiff_t n = from; n < end; n++) {
    for (ptrdiff_t g = 0, row = 0; g < w->groups; g++, row += TILE_ROWS) {
      if (w->sight[n * GROUPS + g] == NONE) continue;
      slopes_tile(w->dy + row * j->ld, j->ld, panels + w->tile[n] * KEYS * j->d, j->d, w->delta + row, w->weights + g * w->step + n * TILE);
    }
  }
}

// Gradients of capped scores become those of the scores themselves.
static void uncap(const View *w, ptrdiff_t from, ptrdiff_t end) {
  for (ptrdiff_t n = from; n < end; n++) {
    for (ptrdiff_t g = 0; g < w->groups; g++) {
      if (w->sight[n * GROUPS + g] == NONE) continue;
      float *to = w->weights + g * w->step + n * TILE;
      const float *by = w->slopes + g * w->step + n * TILE;
      for (ptrdiff_t i = 0; i < TILE; i += 8) _mm256_storeu_ps(to + i, _mm256_mul_ps(_mm256_loadu_ps(to + i), _mm256_loadu_ps(by + i)));
    }
  }
}

static void backward_block(AttentionJob *j, ptrdiff_t kv, ptrdiff_t block, float *dk, unsigned char *touched, float *slot) {
  const AttentionShape *s = j->s;
  const ptrdiff_t d = j->d, keys = KEYS * d;
  float *dv = dk + j->tiles * keys;
  const View w = attention_view(j, kv, block, slot);
  // Weights keep their common factor; rows of dy get it instead.
  for (ptrdiff_t i = 0; i < w.groups * TILE_ROWS; i++) {
    const ptrdiff_t at = i < w.count ? w.place[i] : 0, columns = i < w.count ? s->d : 0;
    attention_take(j->dy + at, columns, w.dy + i * j->ld, d, w.factor[i]);
    w.delta[i] = dot(w.dy + i * j->ld, j->o + at, columns);
    w.factor[i] = s->scale;
  }
  for (ptrdiff_t from = 0, end; from < w.tiles; from = end) {
    end = least(w.tiles, from + WIDE_TILES);
    for (ptrdiff_t n = from; n < end; n++) turn(j, &w, n, w.dy, dv + w.tile[n] * keys, touched[w.tile[n]]);
    slopes(j, &w, from, end);
    if (w.slopes) uncap(&w, from, end);
    for (ptrdiff_t n = from; n < end; n++) {
      turn(j, &w, n, w.q, dk + w.tile[n] * keys, touched[w.tile[n]]);
      touched[w.tile[n]] = 1;
    }
  }
  attention_gather(j, &w, j->k_rows);
}

static void backward_share(void *data, size_t index, float *slot) {
  AttentionJob *j = data;
  const ptrdiff_t kv = index / j->shares_each, share = index % j->shares_each;
  unsigned char *touched = j->touched + index * j->tiles;
  memset(touched, 0, j->tiles);
  for (ptrdiff_t block = j->starts[share]; block < j->starts[share + 1]; block++) {
    backward_block(j, kv, block, j->shares + index * 2 * j->tiles * KEYS * j->d, touched, slot);
  }
}

static void add_shares(void *data, size_t index) {
  AttentionJob *j = data;
  const AttentionShape *s = j->s;
  const ptrdiff_t kv = index / j->tiles, t = index % j->tiles, size = j->tiles * KEYS * j->d;
  const ptrdiff_t shares = j->shares_each, kvcols = (ptrdiff_t)s->kv_heads * s->d;
  const ptrdiff_t count = least(KEYS, s->rows - t * KEYS);
  float *out[] = {j->dk, j->dv};
  for (int which = 0; which < 2; which++) {
    const float *first = j->shares + kv * shares * 2 * size + which * size + t * KEYS * j->d;
    for (ptrdiff_t i = 0; i < count; i++) {
      float *to = out[which] + (t * KEYS + i) * kvcols + kv * s->d;
      for (ptrdiff_t c = 0; c < s->d; c += 8) {
        const float *from = first + i * j->d + c;
        __m256 sum = _mm256_setzero_ps();
        for (ptrdiff_t n = 0; n < shares; n++) {
          if (j->touched[(kv * shares + n) * j->tiles + t]) sum = _mm256_add_ps(sum, _mm256_load_ps(from + n * 2 * size));
        }
        put(to + c, sum, s->d - c);
      }
    }
  }
}

// Shares out blocks so that shares see about as many keys each.
static void share_out(const AttentionJob *j, int64_t *seen) {
  const AttentionShape *s = j->s;
  const ptrdiff_t rows = s->rows;
  // First what comes and goes, then what is there.
  memset(seen, 0, (rows + 1) * sizeof *seen);
  for (ptrdiff_t n = 0; n < rows; n++) seen[n]++, seen[s->until[n] > n && s->until[n] < rows ? s->until[n] : rows]--;
  for (ptrdiff_t n = 1; n < rows; n++) seen[n] += seen[n - 1];
  int64_t all = 0, sum = 0;
  for (ptrdiff_t n = 0; n < rows; n++) {
    if (s->window && seen[n] > s->window) seen[n] = s->window;
    // Tiles that are seen in part, and work for each row.
    all += seen[n] += 2 * KEYS;
  }
  ptrdiff_t share = 0;
  for (ptrdiff_t block = 0; block < j->blocks; block++) {
    while (share < j->shares_each && sum >= all * share / j->shares_each) j->starts[share++] = block;
    const ptrdiff_t first = block * BLOCK / j->sharing, end = least(rows, (block + 1) * BLOCK / j->sharing);
    for (ptrdiff_t n = first; n < end; n++) sum += seen[n];
  }
  while (share <= j->shares_each) j->starts[share++] = j->blocks;
}

enum { K_PANELS, V_PANELS, K_ROWS, SHARES_AT, SLOTS_AT, EXTREMES, TOUCHED, STARTS, SEEN, PIECES };

// Where the job's pieces begin in scratch memory, and the last one ends.
static void lay_out(const AttentionJob *j, ptrdiff_t at[PIECES + 1]) {
  const ptrdiff_t size = j->tiles * KEYS * j->d, keys = j->s->kv_heads * size, shares = j->s->kv_heads * j->shares_each;
  const ptrdiff_t sizes[PIECES] = {
      keys, keys, keys, 2 * size * shares, SLOTS * j->slot, 4 * j->tiles, ceil_div(shares * j->tiles, 4), 2 * (j->shares_each + 1),
      2 * (j->s->rows + 1)};
  at[0] = 0;
  for (int i = 0; i < PIECES; i++) at[i + 1] = at[i] + ceil_div(sizes[i], 16) * 16;
}

size_t attention_grad_scratch(const AttentionShape *s) {
  const AttentionJob j = attention_job(s, 1);
  ptrdiff_t at[PIECES + 1];
  lay_out(&j, at);
  return (size_t)at[PIECES];
}

void attention_grad(const AttentionShape *s, const float *q, const float *k, const float *v, const float *o, const float *dy, float *dq,
                    float *dk, float *dv, float *scratch, Threads threads) {
  AttentionJob j = attention_job(s, 1);
  ptrdiff_t at[PIECES + 1];
  lay_out(&j, at);
  j.k_panels = scratch + at[K_PANELS], j.v_panels = scratch + at[V_PANELS], j.k_rows = scratch + at[K_ROWS];
  j.shares = scratch + at[SHARES_AT], j.slots = scratch + at[SLOTS_AT], j.extremes = (Extremes *)(scratch + at[EXTREMES]);
  j.touched = (unsigned char *)(scratch + at[TOUCHED]), j.starts = (ptrdiff_t *)(scratch + at[STARTS]);
  j.q = q, j.k = k, j.v = v, j.o = o, j.dy = dy, j.out = dq, j.dk = dk, j.dv = dv;
  share_out(&j, (int64_t *)(scratch + at[SEEN]));
  threads.run(threads.place, attention_pack, &j, s->kv_heads * j.tiles);
  attention_run(&j, threads, (size_t)(s->kv_heads * j.shares_each), backward_share);
  threads.run(threads.place, add_shares, &j, s->kv_heads * j.tiles);
}
