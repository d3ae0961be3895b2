#include "attention_view.h"

static void forward_block(void *data, size_t index, float *slot) {
  AttentionJob *j = data;
  const AttentionShape *s = j->s;
  const ptrdiff_t head = index / j->blocks, block = j->blocks - 1 - index % j->blocks, d = j->d;
  const ptrdiff_t qcols = (ptrdiff_t)s->heads * s->d, kv = head / (s->heads / s->kv_heads), ld = j->tiles * KEYS;
  const ptrdiff_t query = block * BLOCK, size = j->tiles * KEYS * d;
  View w = {.first = s->rows - s->queries + query, .count = least(BLOCK, s->queries - query)};
  float *q = slot, *out = q + BLOCK * d, *scores = out + BLOCK * d, *factor = scores + BLOCK * ld;
  w.tile = (int32_t *)(factor + BLOCK), w.sight = (unsigned char *)(w.tile + j->tiles);
  attention_look(j, &w);
  attention_take(j->q + query * qcols + head * s->d, qcols, w.count, s->d, q, d, s->scale);
  attention_weigh(j, &w, q, j->k_panels + kv * size, scores, ld, factor);
  for (ptrdiff_t g = 0; g < w.groups; g++) attention_gather(&w, g, scores, ld, j->v_rows + kv * size, d, 0, w.tiles, out, 0);
  for (ptrdiff_t i = 0; i < w.count; i++) {
    attention_scaled(out + i * d, factor[i], j->out + (query + i) * qcols + head * s->d, s->d);
  }
}

size_t attention_scratch(const AttentionShape *s) {
  const AttentionJob j = attention_job(s);
  return 2 * s->kv_heads * j.tiles * KEYS * j.d + 4 * j.tiles + SLOTS * j.slot;
}

void attention(const AttentionShape *s, const float *q, const float *k, const float *v, float *o, float *scratch, Threads threads) {
  AttentionJob j = attention_job(s);
  const ptrdiff_t size = s->kv_heads * j.tiles * KEYS * j.d;
  j.q = q, j.k = k, j.v = v, j.out = o;
  j.k_panels = scratch, j.v_rows = scratch + size, j.slots = j.v_rows + size;
  j.extremes = (Extremes *)(j.slots + SLOTS * j.slot);
  threads.run(threads.place, attention_pack, &j, s->kv_heads * j.tiles);
  attention_run(&j, threads, (size_t)s->heads * j.blocks, forward_block);
}

