"""The names of frames and callsites."""

import ctypes
import functools
import os


@functools.lru_cache(maxsize=None)
def _demangler():
    """The C++ runtime's demangler and libc's free, or None without them."""
    try:
        demangle = ctypes.CDLL("libstdc++.so.6").__cxa_demangle
        free = ctypes.CDLL(None).free
    except (OSError, AttributeError):
        return None
    demangle.restype = ctypes.c_void_p
    demangle.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    free.argtypes = [ctypes.c_void_p]
    return demangle, free


@functools.lru_cache(maxsize=65536)
def demangle(symbol):
    """SYMBOL as its source has it, when it is a mangled C++ name."""
    if not symbol or not symbol.startswith("_Z") or not _demangler():
        return symbol
    convert, free = _demangler()
    pointer = convert(symbol.encode(), None, None, None)
    if not pointer:
        return symbol
    try:
        return ctypes.string_at(pointer).decode("utf-8", "replace")
    finally:
        free(pointer)


def module_text(frame):
    """libc.so.6+0x29d90, or the bare address for code that no file holds."""
    if frame.path:
        return f"{os.path.basename(frame.path)}+{frame.offset:#x}"
    return f"{frame.ip:#x}"


def function(frame):
    """The function's name, or where the code lies when it has none."""
    return demangle(frame.symbol) or module_text(frame)


def place(line):
    """file.c:12 of a resolved line, or an empty string."""
    return f"{line.file}:{line.line}" if line and line.file else ""


def frame_text(frame):
    """One line for FRAME, as in the text dump, with its place when known."""
    text = module_text(frame)
    if frame.symbol:
        inside = "" if frame.symbol_offset is None else f"+{frame.symbol_offset:#x}"
        text = f"{demangle(frame.symbol)}{inside} ({text})"
    return f"{text} at {place(frame)}" if place(frame) else text


def frame_lines(frame):
    """FRAME's line, after one for each function inlined there."""
    for line in frame.inlined:
        yield f"{demangle(line.symbol)} at {place(line)} (inlined)"
    yield frame_text(frame)


def functions(callsite):
    """(function, whether that is a name) of all frames, leaf first, inlined too."""
    for frame in callsite.frames:
        for line in frame.inlined:
            yield demangle(line.symbol) or "??", bool(line.symbol)
        yield function(frame), bool(frame.symbol)


# Functions that allocate for somebody else: the caller says more.
WRAPPERS = ("malloc", "calloc", "realloc", "operator new", "strdup", "xmalloc", "xcalloc",
            "xrealloc", "__gnu_cxx::new_allocator", "std::allocator", "std::_Vector_base",
            "zmalloc", "zcalloc", "zrealloc", "ztry", "PyMem_", "_PyMem_", "PyObject_Malloc",
            "PyObject_Calloc", "PyObject_Realloc", "PyType_GenericAlloc", "_PyObject_GC_",
            "_PyObject_New", "g_malloc", "ngx_alloc", "ngx_palloc", "ngx_create_pool")

# What every stack of a thread begins with.
ROOTS = ("_start", "__libc_start_main", "__libc_start_call_main", "clone", "clone3",
         "start_thread")


def short(cells, depth=3):
    """A short name from CELLS, (function, named) leaf first: the first DEPTH
    functions that have names and tell something, if there are any."""
    named = [name for name, known in cells if known]
    telling = [name for name in named if not name.startswith(WRAPPERS) and name not in ROOTS]
    chosen = telling or named or [name for name, _ in cells]
    return " < ".join(chosen[:depth]) or "(no frames)"


def title(callsite, depth=3):
    """The short name of CALLSITE."""
    return short([(name, known) for name, known in functions(callsite)], depth)


def exact_key(callsite):
    """Equal for the same code in two runs of the same files: no address in it."""
    return tuple((frame.build_id or frame.path, frame.offset) for frame in callsite.frames)


def symbol_key(callsite):
    """Equal for the same functions, although the files were built anew."""
    return tuple(frame.symbol or module_text(frame) for frame in callsite.frames)
