/* fake_books.h -- callsites, modules and symbols that a test makes up. */

#ifndef FAKE_BOOKS_H
#define FAKE_BOOKS_H

#include <stdint.h>

#include "books/callsites.h"

/* Forgets everything, also the symbols. */
void fake_books_reset(void);

/* Adds a module of BUILD_ID_LENGTH bytes 0x9f, 0xa0, ... and returns its
   number. */
unsigned fake_module(const char *path, uintptr_t base,
                     unsigned build_id_length);

/* A frame at OFFSET in MODULE (0: ADDRESS alone). */
dm_frame fake_frame(unsigned module, uintptr_t offset);

/* Adds a callsite of COUNT frames and returns its number. */
uint32_t fake_callsite(const dm_frame *frames, unsigned count);

/* Names FRAME. As in the real ones, a name is known only after the frame was
   wanted and the wants resolved. */
void fake_symbol(dm_frame frame, const char *name, uint64_t offset);

#endif
