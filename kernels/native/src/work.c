#include "work.h"

#include <stdatomic.h>
#include <stdlib.h>

// In front of the memory that a caller gets.
typedef struct {
  _Alignas(64) size_t floats;
} Head;

static _Atomic(Head *) kept;

float *scratch_take(size_t floats) {
  Head *head = atomic_exchange(&kept, NULL);
  if (!head || head->floats < floats) {
    free(head);
    head = aligned_alloc(64, sizeof(Head) + (floats + 15) / 16 * 64);
    if (!head) return NULL;
    head->floats = floats;
  }
  return (float *)(head + 1);
}

// Floats of the largest piece that is kept: of long rows more is given back to the system.
static const size_t MOST = 1 << 24;

void scratch_give(float *memory) {
  if (memory && ((Head *)memory - 1)->floats > MOST) {
    free((Head *)memory - 1);
    return;
  }
  // Another thread may have given one back meanwhile: that one is let go.
  if (memory) free(atomic_exchange(&kept, (Head *)memory - 1));
}
