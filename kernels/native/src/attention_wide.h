// Parts of attention by AVX-512, several tiles of attention_tile.h at once, to the same bits.
#pragma once
#include "attention_view.h"

// Scores of all groups of a block and the tiles that they see, nothing hidden yet.
void wide_scores(const AttentionJob *j, const View *w);
// A group's scores become weights; gives the factors that make their sums 1.
void wide_weigh(const View *w, ptrdiff_t group);
// A group's rows of weights times rows of keys or values, and times factor, to the job's out.
void wide_gather(const AttentionJob *j, const View *w, ptrdiff_t group, const float *rows);
// to [16, d] (+)= the transpose of a tile's weights times rows of a block, of the groups that are listed.
void wide_turn(const AttentionJob *j, const View *w, ptrdiff_t n, const float *rows, const unsigned char *groups, ptrdiff_t count, float *to,
               int add);
// Weights of tiles from..end - 1, WIDE_TILES at most, become gradients of scores: times rows of dy by panels of values, less delta.
enum { WIDE_TILES = 4 };
void wide_slopes(const AttentionJob *j, const View *w, ptrdiff_t from, ptrdiff_t end, const float *panels);
