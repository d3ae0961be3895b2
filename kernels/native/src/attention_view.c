#include "attention_view.h"

#include <math.h>

TILES(tiles_row, 1)

static Extremes extremes_of(const AttentionShape *s, ptrdiff_t from, ptrdiff_t to) {
  Extremes e = {INT32_MAX, 0, INT32_MAX, INT32_MIN};
  for (ptrdiff_t j = from; j < to; j++) {
    const int32_t until = j < s->rows ? s->until[j] : 0;
    if (until < e.least_until) e.least_until = until;
    if (until > e.largest_until) e.largest_until = until;
    if (j >= s->rows) continue;
    if (s->positions[j] < e.least_place) e.least_place = s->positions[j];
    if (s->positions[j] > e.largest_place) e.largest_place = s->positions[j];
  }
  return e;
}

// Of a tile of keys from `key` on, seen by queries first … last, whose places are least … largest.
static enum Sight sight(const AttentionShape *s, Extremes keys, ptrdiff_t key, ptrdiff_t first, ptrdiff_t last, int32_t low, int32_t high) {
  if (key > last || keys.largest_until <= first) return NONE;
  if (s->window && (int64_t)low - keys.largest_place >= s->window) return NONE;
  if (key + KEYS - 1 > first || keys.least_until <= last) return SOME;
  if (s->window && (int64_t)high - keys.least_place >= s->window) return SOME;
  return ALL;
}

// Rows of a head, columns padded with zeros; times scale.
void attention_take(const float *restrict from, ptrdiff_t ld, ptrdiff_t rows, ptrdiff_t cols, float *restrict to, ptrdiff_t padded,
                    float scale) {
  for (ptrdiff_t i = 0; i < rows; i++, from += ld, to += padded) {
    for (ptrdiff_t c = 0; c < cols; c++) to[c] = from[c] * scale;
    for (ptrdiff_t c = cols; c < padded; c++) to[c] = 0;
  }
}

// to [d] = from [d, padded] · factor.
void attention_scaled(const float *from, float factor, float *to, ptrdiff_t d) {
  const __m256 by = _mm256_set1_ps(factor);
  for (ptrdiff_t c = 0; c < d; c += 8) put(to + c, _mm256_mul_ps(_mm256_loadu_ps(from + c), by), d - c);
}

void attention_pack(void *data, size_t index) {
  AttentionJob *j = data;
  const AttentionShape *s = j->s;
  const ptrdiff_t head = index / j->tiles, t = index % j->tiles, kvcols = (ptrdiff_t)s->kv_heads * s->d;
  const ptrdiff_t first = t * KEYS, count = least(KEYS, s->rows - first), at = first * kvcols + head * s->d;
  const ptrdiff_t place = (head * j->tiles + t) * KEYS * j->d;
  float rows[2][KEYS * j->d];
  const float *from[] = {j->k + at, j->v + at};
  float *panels[] = {j->k_panels, j->v_panels}, *kept[] = {j->k_rows, j->v_rows};
  for (int i = 0; i < 2; i++) {
    float *to = kept[i] ? kept[i] + place : rows[i];
    attention_take(from[i], kvcols, count, s->d, to, j->d, 1);
    memset(to + count * j->d, 0, (KEYS - count) * j->d * sizeof(float));
    if (panels[i]) panel_of_rows(to, j->d, KEYS, j->d, panels[i] + place);
  }
  if (head == 0) j->extremes[t] = extremes_of(s, first, first + KEYS);
}

void attention_look(const AttentionJob *j, View *w) {
  const AttentionShape *s = j->s;
  Extremes places[GROUPS];
  w->groups = (w->count + TILE_ROWS - 1) / TILE_ROWS, w->tiles = 0;
  for (ptrdiff_t g = 0; g < w->groups; g++) {
    places[g] = extremes_of(s, w->first + g * TILE_ROWS, w->first + least(w->count, (g + 1) * TILE_ROWS));
    w->of_group[g] = 0;
  }
  const ptrdiff_t last = w->first + w->count - 1;
  for (ptrdiff_t t = 0; t * KEYS <= last; t++) {
    int any = 0;
    for (ptrdiff_t g = 0; g < w->groups; g++) {
      const ptrdiff_t first = w->first + g * TILE_ROWS, end = w->first + least(w->count, (g + 1) * TILE_ROWS) - 1;
      const enum Sight seen = sight(s, j->extremes[t], t * KEYS, first, end, places[g].least_place, places[g].largest_place);
      w->sight[w->tiles * GROUPS + g] = seen;
      if (seen == NONE) continue;
      any = 1, w->of_group[g] = w->tiles + 1;
    }
    if (any) w->tile[w->tiles++] = (int32_t)t;
  }
}

// Hides what a query doesn't see of a tile of scores.
static void hide(const AttentionShape *s, float *scores, ptrdiff_t key, ptrdiff_t query) {
  for (int half = 0; half < KEYS; half += 8) {
    __m256i seen;
    if (key + half + 8 <= s->rows) {
      const __m256i until = _mm256_loadu_si256((const __m256i *)(s->until + key + half));
      const __m256i keys = _mm256_add_epi32(_mm256_set1_epi32((int)(key + half)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
      const __m256i at = _mm256_set1_epi32((int)query);
      seen = _mm256_andnot_si256(_mm256_cmpgt_epi32(keys, at), _mm256_cmpgt_epi32(until, at));
      if (s->window) {
        const __m256i back = _mm256_sub_epi32(_mm256_set1_epi32(s->positions[query]),
                                              _mm256_loadu_si256((const __m256i *)(s->positions + key + half)));
        const int window = s->window > INT32_MAX ? INT32_MAX : (int)s->window;
        seen = _mm256_and_si256(seen, _mm256_cmpgt_epi32(_mm256_set1_epi32(window), back));
      }
    } else {
      int32_t bits[8];
      for (int i = 0; i < 8; i++) {
        const ptrdiff_t n = key + half + i;
        bits[i] = n <= query && query < s->until[n] &&
                          (!s->window || (int64_t)s->positions[query] - s->positions[n] < s->window)
                      ? -1
                      : 0;
      }
      seen = _mm256_loadu_si256((const __m256i *)bits);
    }
    const __m256 before = _mm256_loadu_ps(scores + half);
    _mm256_storeu_ps(scores + half, _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), before, _mm256_castsi256_ps(seen)));
  }
}

void attention_weigh(const AttentionJob *j, const View *w, const float *q, const float *panels, float *scores, ptrdiff_t ld,
                     float *factor) {
  const ptrdiff_t d = j->d;
  for (ptrdiff_t n = 0; n < w->tiles; n++) {
    const ptrdiff_t t = w->tile[n];
    for (ptrdiff_t g = 0; g < w->groups; g++) {
      float *at = scores + g * TILE_ROWS * ld + n * KEYS;
      const int rows = (int)least(TILE_ROWS, w->count - g * TILE_ROWS);
      const enum Sight seen = w->sight[n * GROUPS + g];
      if (seen == NONE) {
        for (int i = 0; i < rows; i++) {
          for (int c = 0; c < KEYS; c++) at[i * ld + c] = -INFINITY;
        }
        continue;
      }
      tiles_row(rows, (Factors){q + g * TILE_ROWS * d, d, 1, panels + t * KEYS * d, TILE_COLUMNS, d}, at, ld, 0);
      if (seen == ALL) continue;
      for (int i = 0; i < rows; i++) hide(j->s, at + i * ld, t * KEYS, w->first + g * TILE_ROWS + i);
    }
  }
  for (ptrdiff_t i = 0; i < w->count; i++) {
    float *row = scores + i * ld;
    const ptrdiff_t cols = w->of_group[i / TILE_ROWS] * KEYS;
    __m256 m0 = _mm256_set1_ps(-INFINITY), m1 = m0;
    for (ptrdiff_t c = 0; c < cols; c += 16) {
      m0 = _mm256_max_ps(_mm256_loadu_ps(row + c), m0);
      m1 = _mm256_max_ps(_mm256_loadu_ps(row + c + 8), m1);
    }
    const __m256 most = _mm256_set1_ps(largest_of_8(_mm256_max_ps(m0, m1)));
    factor[i] = 1 / exponentials(row, cols, most);
  }
}

static int seen(const View *w, ptrdiff_t n, ptrdiff_t g) { return w->sight[n * GROUPS + g] != NONE; }

void attention_gather(const View *w, ptrdiff_t g, const float *weights, ptrdiff_t ld, const float *rows, ptrdiff_t d, ptrdiff_t from,
                      ptrdiff_t to, float *out, int add) {
  const ptrdiff_t end = least(to, w->of_group[g]), count = least(TILE_ROWS, w->count - g * TILE_ROWS);
  weights += g * TILE_ROWS * ld, out += g * TILE_ROWS * d;
  for (ptrdiff_t n = from; n < end;) {
    ptrdiff_t next = n + 1;
    if (seen(w, n, g)) {
      // Tiles that follow each other in memory are one depth.
      while (next < end && w->tile[next] == w->tile[next - 1] + 1 && seen(w, next, g)) next++;
      for (ptrdiff_t c = 0; c < d; c += TILE_COLUMNS) {
        const Factors f = {weights + (n - from) * KEYS, ld, 1, rows + w->tile[n] * KEYS * d + c, d, (next - n) * KEYS};
        tiles_row(count, f, out + c, d, add);
      }
      add = 1;
    }
    n = next;
  }
  if (!add) memset(out, 0, (size_t)(count * d) * sizeof(float));
}

static void slot_work(void *data, size_t index) {
  AttentionJob *j = data;
  for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->tasks;) j->task(j, i, j->slots + index * j->slot);
}

void attention_run(AttentionJob *j, Threads threads, size_t tasks, void (*task)(void *, size_t, float *)) {
  j->tasks = tasks, j->task = task;
  atomic_store(&j->next, 0);
  threads.run(threads.place, slot_work, j, tasks < SLOTS ? tasks : SLOTS);
}

AttentionJob attention_job(const AttentionShape *s) {
  AttentionJob j = {.s = s, .tiles = ceil_div(s->rows, KEYS), .blocks = ceil_div(s->queries, BLOCK)};
  j.d = ceil_div(s->d, TILE_COLUMNS) * TILE_COLUMNS;
  const ptrdiff_t own = BLOCK + j.tiles + (j.tiles * GROUPS + 3) / 4;
  j.slot = ceil_div(4 * BLOCK * j.d + BLOCK * j.tiles * KEYS + BLOCK * CHUNK * KEYS + BLOCK + own, 16) * 16;
  const ptrdiff_t most = s->heads / s->kv_heads * (j.blocks > 1 ? 2 : 1);
  j.shares_each = least(most, ceil_div(SHARES, s->kv_heads));
  return j;
}

