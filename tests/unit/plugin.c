/* plugin.c -- a small library that test_modules and test_symbols load.

   Built several times with another NUMBER: of the same shape, so that one can
   take the other's place in memory. BULK makes it another shape. */

#define EXPORT __attribute__((visibility("default")))
#define APART __attribute__((noinline, used))

#define TEN(x) x x x x x x x x x x
#define LONG_NAME "a_long_name_" TEN(TEN("xxxxxxxxxxxxxxx"))

EXPORT int
plugin_number(void)
{
  return NUMBER;
}

APART static int
hidden_function(int x)
{
  return x * NUMBER;
}

EXPORT void *
plugin_hidden(void)
{
  return (void *) hidden_function;
}

/* The name that people know is the weak one, as in glibc. */
EXPORT APART int
__plugin_alias(int x)
{
  return x + NUMBER;
}

EXPORT int plugin_alias(int x) __attribute__((weak, alias("__plugin_alias")));

EXPORT APART int long_name(int x) __asm__(LONG_NAME);

int
long_name(int x)
{
  return x - NUMBER;
}

EXPORT void *
plugin_long(void)
{
  return (void *) long_name;
}

#ifdef BULK
/* Some kilobytes of code, so that every header differs. */
__asm__(".text\n.globl plugin_bulk\nplugin_bulk:\n.skip 20000, 0x90\n");
#endif
