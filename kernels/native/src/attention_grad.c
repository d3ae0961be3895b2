// Gradient of attention: weights are recomputed block by block (as in FlashAttention, Dao et al. 2022): with P the weights and
// delta = sum of dO * O, dS = P * (dO V' - delta); dQ = s dS K, dK = s dS' Q, dV = P' dO.
#include <math.h>

#include "attention_view.h"

TILES(tiles_row, 1)
TILES(tiles_any, 0)

// Of the blocks of the query heads that share a key head, one head behind another, the first one of a share: shares have about as many
// pairs each.
static ptrdiff_t share_start(const AttentionJob *j, ptrdiff_t share) {
  const ptrdiff_t blocks = j->blocks, items = j->s->heads / j->s->kv_heads * blocks;
  const int64_t all = (int64_t)items * (blocks + 1) / 2, before = all * share / j->shares_each;
  int64_t pairs = 0;
  ptrdiff_t item = 0;
  for (; item < items && pairs < before; item++) pairs += item % blocks + 1;
  return item;
}

static void backward_share(void *data, size_t index, float *slot) {
  AttentionJob *j = data;
  const AttentionShape *s = j->s;
  const ptrdiff_t kv = index / j->shares_each, share = index % j->shares_each, d = j->d;
  const ptrdiff_t qcols = (ptrdiff_t)s->heads * s->d, ld = j->tiles * KEYS;
  const ptrdiff_t size = j->tiles * KEYS * d, chunk = CHUNK * KEYS;
  const float *k_panels = j->k_panels + kv * size, *v_panels = j->v_panels + kv * size, *k_rows = j->k_rows + kv * size;
  float *dk = j->shares + index * 2 * size, *dv = dk + size;
  float *q = slot, *dy = q + BLOCK * d, *dq = dy + BLOCK * d, *scores = dq + 2 * BLOCK * d, *ds = scores + BLOCK * ld;
  float *factor = ds + BLOCK * chunk, *delta = factor + BLOCK;
  const ptrdiff_t end = share_start(j, share + 1);
  memset(dk, 0, 2 * size * sizeof(float));
  for (ptrdiff_t item = share_start(j, share); item < end; item++) {
    const ptrdiff_t head = kv * (s->heads / s->kv_heads) + item / j->blocks, block = item % j->blocks;
    View w = {.first = block * BLOCK, .count = least(BLOCK, s->rows - block * BLOCK)};
    w.tile = (int32_t *)(delta + BLOCK), w.sight = (unsigned char *)(w.tile + j->tiles);
    attention_look(j, &w);
    const ptrdiff_t at = w.first * qcols + head * s->d;
    attention_take(j->q + at, qcols, w.count, s->d, q, d, s->scale);
    attention_weigh(j, &w, q, k_panels, scores, ld, factor);
    // Weights keep their common factor; rows of dy get it instead.
    for (ptrdiff_t i = 0; i < w.count; i++) {
      attention_take(j->dy + at + i * qcols, qcols, 1, s->d, dy + i * d, d, factor[i]);
      delta[i] = dot(dy + i * d, j->o + at + i * qcols, s->d);
    }
    for (ptrdiff_t n0 = 0; n0 < w.tiles; n0 += CHUNK) {
      const ptrdiff_t n1 = least(w.tiles, n0 + CHUNK);
      for (ptrdiff_t n = n0; n < n1; n++) {
        // Groups from the first to the last one that see the tile.
        ptrdiff_t from = 0, end_group = w.groups;
        while (w.sight[n * GROUPS + from] == NONE) from++;
        while (w.sight[n * GROUPS + end_group - 1] == NONE) end_group--;
        for (ptrdiff_t g = from; g < end_group; g++) {
          const int rows = (int)least(TILE_ROWS, w.count - g * TILE_ROWS);
          float *to = ds + g * TILE_ROWS * chunk + (n - n0) * KEYS, *p = scores + g * TILE_ROWS * ld + n * KEYS;
          if (w.sight[n * GROUPS + g] == NONE) {
            for (int i = 0; i < rows; i++) {
              memset(to + i * chunk, 0, KEYS * sizeof(float));
              memset(p + i * ld, 0, KEYS * sizeof(float));
            }
            continue;
          }
          tiles_row(rows, (Factors){dy + g * TILE_ROWS * d, d, 1, v_panels + w.tile[n] * KEYS * d, TILE_COLUMNS, d}, to, chunk, 0);
          for (int i = 0; i < rows; i++) {
            const __m256 minus = _mm256_set1_ps(delta[g * TILE_ROWS + i]);
            for (int c = 0; c < KEYS; c += 8) {
              const __m256 x = _mm256_sub_ps(_mm256_loadu_ps(to + i * chunk + c), minus);
              _mm256_storeu_ps(to + i * chunk + c, _mm256_mul_ps(x, _mm256_loadu_ps(p + i * ld + c)));
            }
          }
        }
        // Of this tile's keys: gradients by all queries of the block that see it.
        const ptrdiff_t row = from * TILE_ROWS, depth = least(w.count, end_group * TILE_ROWS) - row, key = w.tile[n] * KEYS * d;
        for (ptrdiff_t c = 0; c < d; c += TILE_COLUMNS) {
          tiles_any(KEYS, (Factors){ds + row * chunk + (n - n0) * KEYS, 1, chunk, q + row * d + c, d, depth}, dk + key + c, d, 1);
          tiles_any(KEYS, (Factors){scores + row * ld + n * KEYS, 1, ld, dy + row * d + c, d, depth}, dv + key + c, d, 1);
        }
      }
      for (ptrdiff_t g = 0; g < w.groups; g++) attention_gather(&w, g, ds, chunk, k_rows, d, n0, n1, dq, n0 > 0);
    }
    for (ptrdiff_t i = 0; i < w.count; i++) {
      attention_scaled(dq + i * d, s->scale, j->out + at + i * qcols, s->d);
    }
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
        __m256 sum = _mm256_loadu_ps(from);
        for (ptrdiff_t n = 1; n < shares; n++) sum = _mm256_add_ps(sum, _mm256_loadu_ps(from + n * 2 * size));
        put(to + c, sum, s->d - c);
      }
    }
  }
}

size_t attention_grad_scratch(const AttentionShape *s) {
  const AttentionJob j = attention_job(s);
  const ptrdiff_t size = j.tiles * KEYS * j.d;
  return 3 * s->kv_heads * size + 2 * size * s->kv_heads * j.shares_each + 4 * j.tiles + SLOTS * j.slot;
}

void attention_grad(const AttentionShape *s, const float *q, const float *k, const float *v, const float *o, const float *dy, float *dq,
                    float *dk, float *dv, float *scratch, Threads threads) {
  AttentionJob j = attention_job(s);
  const ptrdiff_t size = j.tiles * KEYS * j.d, keys = s->kv_heads * size;
  j.q = q, j.k = k, j.v = v, j.o = o, j.dy = dy, j.out = dq, j.dk = dk, j.dv = dv;
  j.k_panels = scratch, j.v_panels = scratch + keys, j.k_rows = scratch + 2 * keys, j.shares = scratch + 3 * keys;
  j.slots = j.shares + 2 * size * s->kv_heads * j.shares_each;
  j.extremes = (Extremes *)(j.slots + SLOTS * j.slot);
  threads.run(threads.place, attention_pack, &j, s->kv_heads * j.tiles);
  attention_run(&j, threads, (size_t)(s->kv_heads * j.shares_each), backward_share);
  threads.run(threads.place, add_shares, &j, s->kv_heads * j.tiles);
}
