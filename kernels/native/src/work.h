// Work in several threads, and memory for it.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Runs work(data, 0..count - 1) in any order, in the threads of a place.
typedef struct {
  void (*run)(void *place, void (*work)(void *data, size_t index), void *data, size_t count);
  void *place;
} Threads;

// Memory for a call, aligned to 64 bytes, with anything in it; NULL: there is none. The piece that was given back last is kept for the next call,
// if it isn't large: fresh memory would cost a page fault for each 4 KiB.
float *scratch_take(size_t floats);
void scratch_give(float *memory);
