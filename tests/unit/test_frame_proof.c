/* test_frame_proof.c -- what the made-up registers tell apart: frames whose
   unwind information is written here by hand, and the rules that libunwind's
   answers prove. */

#include "books/modules.h"
#include "hook/dense_rows.h"
#include "hook/frame_rules.h"
#include "hook/libunwind.h"
#include "runner.h"

/* Functions of one instruction, which are never called. Expressions are bytes
   of DWARF: 0x0f and a length define the caller's frame; 0x10, a register (6
   is rbp, 16 the return address) and a length the place where it was saved,
   0x16 its value. In them 0x76 is rbp + the next byte, 0x77 rsp + the next
   byte, 0x06 the word there, 0x23 adds, 0x09 is a number, and 0x1a masks. */
#define FRAME(name, lines)                                                     \
  __asm__(".text\n" #name ":\n.cfi_startproc\n" lines "\nnop\nnop\n"           \
          ".cfi_endproc\n");                                                   \
  extern const char name[] __attribute__((visibility("hidden")))

#define BYTES(...) ".cfi_escape " #__VA_ARGS__ "\n"

FRAME(plain, "");
FRAME(saving, ".cfi_def_cfa_offset 32\n.cfi_offset rbp, -16");
FRAME(saving_low, BYTES(0x10, 6, 2, 0x77, 0x78));
FRAME(framed, ".cfi_def_cfa rbp, 16\n.cfi_offset rbp, -16");
FRAME(framed_saving, ".cfi_def_cfa rbp, 16\n" BYTES(0x10, 6, 2, 0x77, 24));
FRAME(drap, BYTES(0x0f, 3, 0x76, 0x78, 0x06) BYTES(0x10, 6, 2, 0x76, 0));
FRAME(signal,
      BYTES(0x0f, 4, 0x77, 0xa0, 1, 0x06) BYTES(0x10, 16, 3, 0x77, 0xa8, 1)
          BYTES(0x10, 6, 3, 0x77, 0xf8, 0));
FRAME(outermost, ".cfi_undefined rip");
FRAME(no_rbp, ".cfi_undefined rbp");
FRAME(large, ".cfi_def_cfa_offset 67108856");

FRAME(too_large, ".cfi_def_cfa_offset 67108864");
FRAME(odd, ".cfi_def_cfa_offset 12");
FRAME(by_rbx, ".cfi_def_cfa rbx, 16");
FRAME(at_rsp_word, BYTES(0x0f, 3, 0x77, 16, 0x06));
FRAME(word_and_16, BYTES(0x0f, 5, 0x76, 0x78, 0x06, 0x23, 16));
FRAME(word_and_factor,
      BYTES(0x0f, 9, 0x76, 0x78, 0x06, 0x0c, 8, 0, 0, 8, 0x22));
FRAME(word_and_other_factor,
      BYTES(0x0f, 9, 0x76, 0x78, 0x06, 0x0c, 24, 0, 0, 8, 0x22));
FRAME(word_of_word, BYTES(0x0f, 4, 0x76, 0x78, 0x06, 0x06));
FRAME(word_at_0, BYTES(0x0f, 2, 0x30, 0x06));
FRAME(rsp_masked_16, BYTES(0x0f, 5, 0x77, 8, 0x09, 0xf0, 0x1a));
FRAME(rsp_masked_32, BYTES(0x0f, 5, 0x77, 8, 0x09, 0xe0, 0x1a));
FRAME(rsp_masked_64, BYTES(0x0f, 5, 0x77, 8, 0x09, 0xc0, 0x1a));
FRAME(rsp_masked_16_0, BYTES(0x0f, 5, 0x77, 0, 0x09, 0xf0, 0x1a));
FRAME(rsp_masked_4096, BYTES(0x0f, 6, 0x77, 0, 0x0b, 0x00, 0xf0, 0x1a));
FRAME(rbp_masked_16, BYTES(0x0f, 5, 0x76, 16, 0x09, 0xf0, 0x1a));
FRAME(rbp_masked_64, BYTES(0x0f, 5, 0x76, 16, 0x09, 0xc0, 0x1a));
FRAME(word_masked_16, BYTES(0x0f, 6, 0x76, 0x78, 0x06, 0x09, 0xf0, 0x1a));
FRAME(word_masked_64, BYTES(0x0f, 6, 0x76, 0x70, 0x06, 0x09, 0xc0, 0x1a));
FRAME(return_elsewhere, ".cfi_offset rip, -16");
FRAME(return_and_8, BYTES(0x16, 16, 5, 0x77, 0x78, 0x06, 0x23, 8));
FRAME(drap_return_and_8,
      BYTES(0x0f, 3, 0x76, 0x78, 0x06)
          BYTES(0x16, 16, 7, 0x76, 0x78, 0x06, 0x06, 0x23, 8));
FRAME(rbp_and_8, BYTES(0x16, 6, 2, 0x76, 8));
FRAME(rbp_is_rsp, BYTES(0x16, 6, 2, 0x77, 0));
FRAME(rbp_masked, BYTES(0x16, 6, 5, 0x76, 0, 0x09, 0xf0, 0x1a));
FRAME(rbp_word_and_8, BYTES(0x16, 6, 5, 0x77, 0x78, 0x06, 0x23, 8));
FRAME(rbp_in_rbx, ".cfi_register rbp, rbx");

static void
setup(void)
{
  ck_assert(dm_rules_init());
  const char *why = dm_libunwind_init();
  ck_assert_msg(!why, "%s", why);
}

/* What can be said: kind and offset in words, then rbp's. */
START_TEST(rules)
{
  static const struct
  {
    const char *code;
    enum dm_rule_kind kind;
    int offset;
    enum dm_rule_rbp rbp;
    int rbp_offset;
  } cases[] = {
      {plain, DM_RULE_RSP, 1, DM_RBP_SAME, 0},
      {saving, DM_RULE_RSP, 4, DM_RBP_AT_CFA, -2},
      {saving_low, DM_RULE_RSP, 1, DM_RBP_AT_CFA, -2},
      {framed, DM_RULE_RBP, 2, DM_RBP_AT_CFA, -2},
      {framed_saving, DM_RULE_RBP, 2, DM_RBP_AT_RSP, 3},
      {drap, DM_RULE_AT_RBP, -1, DM_RBP_AT_RBP, 0},
      {signal, DM_RULE_SIGNAL, 20, DM_RBP_AT_RSP, 15},
      {outermost, DM_RULE_END, 0, DM_RBP_SAME, 0},
      {no_rbp, DM_RULE_END, 0, DM_RBP_SAME, 0},
      {large, DM_RULE_RSP, 8388607, DM_RBP_SAME, 0},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
  {
    dm_rule rule = dm_rule_find((uintptr_t) cases[i].code);
    ck_assert_msg(dm_rule_kind(rule) == cases[i].kind, "kind %d in case %u",
                  dm_rule_kind(rule), i);
    ck_assert_msg(dm_rule_offset(rule) == cases[i].offset &&
                      dm_rule_rbp(rule) == cases[i].rbp &&
                      dm_rule_rbp_offset(rule) == cases[i].rbp_offset,
                  "case %u: %lld, %d, %lld", i,
                  (long long) dm_rule_offset(rule), dm_rule_rbp(rule),
                  (long long) dm_rule_rbp_offset(rule));
  }
}
END_TEST

/* What cannot: none of these is taken for something else. */
START_TEST(no_rules)
{
  static const char *const code[] = {too_large,
                                     odd,
                                     by_rbx,
                                     at_rsp_word,
                                     word_and_16,
                                     word_and_factor,
                                     word_and_other_factor,
                                     word_of_word,
                                     word_at_0,
                                     rsp_masked_16,
                                     rsp_masked_32,
                                     rsp_masked_64,
                                     rsp_masked_16_0,
                                     rsp_masked_4096,
                                     rbp_masked_16,
                                     rbp_masked_64,
                                     word_masked_16,
                                     word_masked_64,
                                     return_elsewhere,
                                     return_and_8,
                                     drap_return_and_8,
                                     rbp_and_8,
                                     rbp_is_rsp,
                                     rbp_masked,
                                     rbp_word_and_8,
                                     rbp_in_rbx};
  for (unsigned i = 0; i < sizeof code / sizeof *code; i++)
  {
    dm_rule rule = dm_rule_find((uintptr_t) code[i]);
    ck_assert_msg(dm_rule_kind(rule) == DM_RULE_OPAQUE,
                  "case %u: kind %d, offset %lld", i, dm_rule_kind(rule),
                  (long long) dm_rule_offset(rule));
  }
}
END_TEST

/* Calls that push their arguments, as some compilers make them: 3 * 1,000 rows
   of one byte each, whose frames have 1, 2, 4, 1, 2, 4, ... words, and one more
   from each 41st group of three on. */
__asm__(".text\nmany_rows:\n.cfi_startproc\n"
        ".set words, 0\n"
        ".rept 1000\n"
        "nop\n.cfi_adjust_cfa_offset 8\n"
        "nop\n.cfi_adjust_cfa_offset 16\n"
        "nop\n.cfi_adjust_cfa_offset -24 + 8 * (words / 40)\n"
        ".set words, words + 1 - 41 * (words / 40)\n"
        ".endr\n"
        "nop\n.cfi_endproc\n");
extern const char many_rows[] __attribute__((visibility("hidden")));

/* The words of the frame at row I. */
static int
words_at(unsigned i)
{
  static const int within[] = {0, 1, 3};
  return 1 + (int) (i / 3 / 41) + within[i % 3];
}

/* From one on all are known at once, also where there are more rules than a page
   of them has. */
START_TEST(very_many_rows)
{
  enum
  {
    ROWS = 3000
  };
  uintptr_t code = (uintptr_t) many_rows;
  for (unsigned i = 0; i < 2; i++)
  {
    unsigned last = i == 0 ? DM_DENSE_FROM - 1 : ROWS;
    dm_rule rule = dm_rule_find(code + last);
    ck_assert_int_eq(dm_rule_offset(rule), words_at(last));
    for (unsigned j = 0; j <= ROWS; j++)
      ck_assert_uint_eq(dm_rule_offset(dm_dense_find(code + j)),
                        i == 0 || j < DM_DENSE_FROM ? 0 : words_at(j));
  }
  for (unsigned i = 0; i <= ROWS; i++)
  {
    dm_rule rule = dm_rule_find(code + i);
    ck_assert_int_eq(dm_rule_kind(rule), DM_RULE_RSP);
    ck_assert_int_eq(dm_rule_offset(rule), words_at(i));
  }
  /* And forgotten with their module. */
  dm_rules_forget(dm_modules_find(code));
  ck_assert_uint_eq(dm_dense_find(code + ROWS), DM_RULE_UNKNOWN);
  ck_assert_int_eq(dm_rule_offset(dm_rule_find(code + ROWS)), words_at(ROWS));
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {rules, no_rules, very_many_rows, NULL};
  return run_suite(make_suite("frame_proof", setup, tests));
}
