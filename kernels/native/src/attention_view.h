// What attention and its gradient share: keys laid out for tiles, what a block of queries sees of them, weights.
//
// Query heads that share a key head are rows beside each other (row = query * heads + head of them): they see the same keys, and lie
// beside each other in memory.
#pragma once
#include <stdatomic.h>

#include "attention.h"
#include "attention_tile.h"

// Rows of a block; groups of rows that a tile of sums has; slots of memory, and so threads at most.
enum { BLOCK = 48, GROUPS = BLOCK / TILE_ROWS, SLOTS = 16 };
// Shares of the gradients of all keys at least where there are as many blocks: threads have some each, and few copies are far from them in
// memory.
enum { SHARES = 12 };
// Floats between a block's rows of d columns: one line of the cache more, since equal distances of 4 lines and more share few sets of it.
enum { APART = 16 };
// Tiles of weights times values that are summed before their sum is added.
enum { TILES_A_SUM = 4 };

// Extremes of a tile of keys, and of a group of queries.
typedef struct { int32_t least_until, largest_until, least_place, largest_place; } Extremes;
enum Sight { NONE, SOME, ALL };

typedef struct {
  const AttentionShape *s;
  const float *q, *k, *v, *o, *dy;
  float *out, *dk, *dv;
  int wide;        // whether by AVX-512
  int sloped;      // whether capped scores keep their slopes
  ptrdiff_t d, ld;  // columns of a head, padded with zeros; floats from row to row of a block
  ptrdiff_t sharing;  // query heads of a key head
  ptrdiff_t tiles, blocks, shares_each;
  // Of each head of keys: panels [tiles, d, 16] of k and v, and their rows [d / 16, tiles, 16, 16].
  float *k_panels, *v_panels, *k_rows, *v_rows;
  Extremes *extremes;
  float *slots;
  ptrdiff_t slot;
  float *shares;           // of the gradients of keys and values: [kv_heads, shares_each, 2, 16 tiles, d]
  unsigned char *touched;  // [kv_heads, shares_each, tiles]: what is there
  ptrdiff_t *starts;       // [shares_each + 1]: blocks with which shares begin
  atomic_size_t next;
  size_t tasks;
  void (*task)(void *job, size_t index, float *slot);
} AttentionJob;

// What a block of rows sees.
typedef struct {
  ptrdiff_t kv, row, count;    // its head of keys, and its rows
  ptrdiff_t groups;
  ptrdiff_t tiles;             // how many tiles of keys
  int32_t *tile;               // which: [tiles], ascending
  ptrdiff_t of_group[GROUPS];  // how many of them a group needs
  unsigned char *sight;        // [tiles, GROUPS]
  ptrdiff_t step;              // floats from group to group of weights [GROUPS, tiles, 6, 16]
  ptrdiff_t place[BLOCK];      // of its rows in [queries, heads * d]
  float *q, *dy;               // [BLOCK, ld]
  float *factor, *delta;       // [BLOCK]: what makes the sum of weights 1; dO * O
  float *weights;
  float *slopes;               // [GROUPS, tiles, 6, 16] where scores are capped: what a change of each is multiplied by; NULL: not wanted
} View;

// Job of a shape, without its tensors; sloped: capped scores keep their slopes.
AttentionJob attention_job(const AttentionShape *s, int sloped);
// Lays a tile of a head's keys out; index: head * tiles + tile.
void attention_pack(void *job, size_t index);
// Runs task(job, 0..tasks - 1, a slot's memory).
void attention_run(AttentionJob *j, Threads threads, size_t tasks, void (*task)(void *, size_t, float *));
// Of rows from..to - 1, which may lie behind the last one.
Extremes attention_extremes(const AttentionShape *s, ptrdiff_t from, ptrdiff_t to);
// to [padded] = from [cols] times a factor.
void attention_take(const float *from, ptrdiff_t cols, float *to, ptrdiff_t padded, float factor);
// Asks for memory ahead of its use: rows of a head are too far apart for the processor to foresee.
void attention_fetch(const float *from, ptrdiff_t count);

// A block of a head of keys: what it sees, its queries times scale, and weights without their common factor.
View attention_view(const AttentionJob *j, ptrdiff_t kv, ptrdiff_t block, float *slot);
// A block's rows of weights times rows of keys or values, and times factor, to the job's out.
void attention_gather(const AttentionJob *j, const View *w, const float *rows);
