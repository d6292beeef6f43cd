"""A dump in other tools' formats: one module each, each with `convert(dumps, options)`.

`convert` takes the list of Dumps (one for each process) and the options of
dmalloc-export, and returns the file as text or bytes.
"""
