"""What the dmalloc scripts share. From below to above:

units     figures as people read and write them
cli       arguments, errors, warnings, progress, output files
names     a frame's and a callsite's name
dump      one dump as objects
dumps     a file of JSON dumps, streamed
ask       a dump from a running process
source    what a user names on the command line: FILE, FILE:SEQ, PID, -

Above them one module for each script.
"""
