#include "attention_view.h"

static void forward_block(void *data, size_t index, float *slot) {
  AttentionJob *j = data;
  // The last queries see most.
  const View w = attention_view(j, (ptrdiff_t)index / j->blocks, j->blocks - 1 - (ptrdiff_t)index % j->blocks, slot);
  attention_gather(j, &w, j->v_rows);
}

size_t attention_scratch(const AttentionShape *s) {
  const AttentionJob j = attention_job(s, 0);
  return 2 * s->kv_heads * j.tiles * KEYS * j.d + 4 * j.tiles + SLOTS * j.slot;
}

void attention(const AttentionShape *s, const float *q, const float *k, const float *v, float *o, float *scratch, Threads threads) {
  AttentionJob j = attention_job(s, 0);
  const ptrdiff_t size = s->kv_heads * j.tiles * KEYS * j.d;
  j.q = q, j.k = k, j.v = v, j.out = o;
  j.k_panels = scratch, j.v_rows = scratch + size, j.slots = j.v_rows + size;
  j.extremes = (Extremes *)(j.slots + SLOTS * j.slot);
  threads.run(threads.place, attention_pack, &j, s->kv_heads * j.tiles);
  attention_run(&j, threads, (size_t)(s->kv_heads * j.blocks), forward_block);
}
