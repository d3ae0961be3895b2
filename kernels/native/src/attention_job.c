#include "attention_view.h"
#include "processor.h"

Extremes attention_extremes(const AttentionShape *s, ptrdiff_t from, ptrdiff_t to) {
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

void attention_take(const float *restrict from, ptrdiff_t cols, float *restrict to, ptrdiff_t padded, float factor) {
  const __m256 by = _mm256_set1_ps(factor);
  for (ptrdiff_t c = 0; c < padded; c += 8) {
    _mm256_store_ps(to + c, c < cols ? _mm256_mul_ps(get(from + c, cols - c), by) : _mm256_setzero_ps());
  }
}

void attention_fetch(const float *from, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += 16) _mm_prefetch((const char *)(from + i), _MM_HINT_T0);
}

void attention_pack(void *data, size_t index) {
  AttentionJob *j = data;
  const AttentionShape *s = j->s;
  const ptrdiff_t head = index / j->tiles, t = index % j->tiles, kvcols = (ptrdiff_t)s->kv_heads * s->d, d = j->d;
  const ptrdiff_t first = t * KEYS, count = least(KEYS, s->rows - first), at = first * kvcols + head * s->d;
  const float *from[] = {j->k + at, j->v + at};
  float *panels[] = {j->k_panels, j->v_panels}, *kept[] = {j->k_rows, j->v_rows};
  // With zeros where a tile or a head's columns aren't full.
  _Alignas(32) float full[KEYS * d];
  for (int i = 0; i < 2; i++) {
    const float *rows = from[i];
    ptrdiff_t ld = kvcols;
    if (count < KEYS || s->d < d) {
      for (ptrdiff_t n = 0; n < KEYS; n++) attention_take(from[i] + n * kvcols, n < count ? s->d : 0, full + n * d, d, 1);
      rows = full, ld = d;
    }
    for (ptrdiff_t n = KEYS; n < least(2 * KEYS, s->rows - first); n++) attention_fetch(from[i] + n * kvcols, s->d);
    if (panels[i]) panel_of_rows(FORM_FLOAT, rows, ld, KEYS, d, panels[i] + (head * j->tiles + t) * KEYS * d);
    for (ptrdiff_t c = 0; kept[i] && c < d; c += KEYS) {
      float *to = kept[i] + (head * d + c) * j->tiles * KEYS + t * KEYS * KEYS;
      for (ptrdiff_t n = 0; n < KEYS; n++) memcpy(to + n * KEYS, rows + n * ld + c, KEYS * sizeof(float));
    }
  }
  if (head == 0) j->extremes[t] = attention_extremes(s, first, first + KEYS);
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

AttentionJob attention_job(const AttentionShape *s, int sloped) {
  AttentionJob j = {.s = s, .sloped = sloped && s->cap != 0, .sharing = s->heads / s->kv_heads, .tiles = ceil_div(s->rows, KEYS), .wide = vector_bits() >= 512};
  j.blocks = ceil_div(s->queries * j.sharing, BLOCK);
  j.d = ceil_div(s->d, TILE_COLUMNS) * TILE_COLUMNS, j.ld = j.d + APART;
  const ptrdiff_t looks = j.tiles + ceil_div(j.tiles * GROUPS, 4), weights = GROUPS * (j.tiles | 1) * TILE;
  j.slot = ceil_div(2 * BLOCK * j.ld + 2 * BLOCK + (j.sloped ? 2 : 1) * weights + looks, 16) * 16;
  j.shares_each = least(j.blocks, ceil_div(SHARES, s->kv_heads));
  return j;
}
