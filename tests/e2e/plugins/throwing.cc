// throwing.cc -- a C++ plugin for a C program: libstdc++ comes in with it.

#include <stdexcept>

__attribute__ ((noipa)) static void
thrower ()
{
  throw std::runtime_error ("thrown in a plugin");
}

extern "C" int
plugin_catches ()
{
  try
    {
      thrower ();
    }
  catch (const std::exception &)
    {
      return 42;
    }
  return 0;
}
