// What attention and its gradient share: keys laid out for tiles, what a block of queries sees of them, weights.
#pragma once
#include <stdatomic.h>

#include "attention.h"
#include "float_tile.h"

// Queries of a block, keys of a tile; groups of queries that a tile of sums has; slots of memory, and so threads at most.
enum { BLOCK = 48, KEYS = TILE_COLUMNS, GROUPS = BLOCK / TILE_ROWS, SLOTS = 16 };
// Shares of the gradients of all keys at least where there are as many blocks: threads have some each, and memory has no copy for every head.
enum { SHARES = 18 };
// Tiles of keys whose gradients of scores are made at once.
enum { CHUNK = 6 };

// Extremes of a tile of keys, and of a group of queries.
typedef struct { int32_t least_until, largest_until, least_place, largest_place; } Extremes;
enum Sight { NONE, SOME, ALL };

typedef struct {
  const AttentionShape *s;
  const float *q, *k, *v, *o, *dy;
  float *out, *dk, *dv;
  ptrdiff_t d;  // columns of a head, padded with zeros
  ptrdiff_t tiles, blocks, shares_each;
  // Of each head of keys: panels [tiles, d, 16] of k and v, and rows [16 tiles, d] of both.
  float *k_panels, *v_panels, *k_rows, *v_rows;
  Extremes *extremes;
  float *slots;
  ptrdiff_t slot;
  float *shares; // of the gradients of keys and values: [kv_heads, shares_each, 2, 16 tiles, d]
  atomic_size_t next;
  size_t tasks;
  void (*task)(void *job, size_t index, float *slot);
} AttentionJob;

// What a block of queries sees.
typedef struct {
  ptrdiff_t first, count;         // of its queries, among all rows
  ptrdiff_t groups;
  ptrdiff_t tiles;                // how many tiles of keys
  int32_t *tile;                  // which: [tiles], ascending
  ptrdiff_t of_group[GROUPS];     // how many of them a group needs
  unsigned char *sight;           // [tiles, GROUPS]
} View;

// Job of a shape, without its tensors.
AttentionJob attention_job(const AttentionShape *s);
// Lays a tile of a head's keys out; index: head * tiles + tile.
void attention_pack(void *job, size_t index);
// Finds what a block sees; first and count are given.
void attention_look(const AttentionJob *j, View *w);
// Scores [count, 16 tiles] (rows of ld) become weights without their common factor, which is given by row.
void attention_weigh(const AttentionJob *j, const View *w, const float *q, const float *panels, float *scores, ptrdiff_t ld,
                     float *factor);
// out [count, d] of padded rows (+)= weights times rows of those keys from..to - 1 that group g sees.
void attention_gather(const View *w, ptrdiff_t g, const float *weights, ptrdiff_t ld, const float *rows, ptrdiff_t d,
                      ptrdiff_t from, ptrdiff_t to, float *out, int add);
// to [rows, padded] = from [rows, cols] times a factor; rows of ld.
void attention_take(const float *from, ptrdiff_t ld, ptrdiff_t rows, ptrdiff_t cols, float *to, ptrdiff_t padded, float factor);
// to [d] = from [d, padded] times a factor.
void attention_scaled(const float *from, float factor, float *to, ptrdiff_t d);
// Runs task(job, 0..tasks - 1, a slot's memory).
void attention_run(AttentionJob *j, Threads threads, size_t tasks, void (*task)(void *, size_t, float *));
