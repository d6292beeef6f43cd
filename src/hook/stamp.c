/* stamp.c -- the secret behind the seals. */

#include "hook/stamp.h"

uint64_t dm_stamp_secret;
