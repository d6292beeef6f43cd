"""A dump from a running process, without a file between.

The request is the dmalloc signal sent with sigqueue(3); its value says which
descriptor of which process the dump is to go to (libdmalloc(3)). The process
opens that descriptor through /proc, which the kernel allows only when it could
trace us: same user, and no capability on our side that it lacks. So root asks
from a child that has become the target's user and has no capability left; for
a target in a container the child lives in the container's pid namespace.
"""

import contextlib
import ctypes
import fcntl
import os
import re
import select
import signal
import time

from .cli import Trouble
from .loaded import has_library, is_static

ANSWER_SECONDS = 8.0             # the process waits 5 s for a slow reader
AGAIN_SECONDS = 1.0              # of silence until the request is sent again
QUIET_SECONDS = 0.25             # until nothing more comes of requests sent twice
OWN_DESCRIPTORS = 128            # from here on: none that anything else opens
PIPE_BYTES = 1 << 20             # what any user may have
JSON_BIT, ALL_BIT, PID_SHIFT = 1 << 8, 1 << 9, 10
CLONE_NEWPID = 0x20000000
PR_SET_DUMPABLE = 4
PF_KTHREAD = 0x00200000
CAPABILITY_VERSION_3 = 0x20080522

# Where a second dump follows in one answer, for its request was sent again.
NEXT_DUMP = re.compile(rb'(?<=\n)(?=>>>>>|\{"dmalloc":)')

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option, value):
    """prctl(2), without a word where it fails."""
    _libc.prctl(option, value, 0, 0, 0)


def request_value(descriptor, pid, json, everything):
    """The sigqueue value: write to DESCRIPTOR (0 to 255) of process PID."""
    if not 0 <= descriptor < 256:
        raise Trouble(f"descriptor {descriptor} is too high for a request")
    return descriptor | JSON_BIT * json | ALL_BIT * everything | pid << PID_SHIFT


def sigqueue(pid, number, value):
    """sigqueue(3): sends signal NUMBER with the 32-bit VALUE to PID."""
    if _libc.sigqueue(pid, number, ctypes.c_void_p(value)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def dump(pid, json=True, everything=False):
    """Bytes of one dump of process PID, as the process wrote them.

    EVERYTHING: all callsites instead of the process's DMALLOC_TOP. Raises
    Trouble when the process is gone, runs without dmalloc or does not answer.
    """
    number = request_signal(pid)
    if _state(pid) == "T":               # it would answer later, when nobody listens
        raise Trouble(f"process {pid} is stopped and cannot answer")
    status = os.stat(f"/proc/{pid}")
    if os.geteuid() == 0:
        text = _ask_as(pid, number, status, json, everything)
    else:
        if status.st_uid != os.geteuid():
            raise Trouble(_not_ours(pid))
        text = _ask(pid, pid, number, json, everything)
    if not text:
        raise Trouble(_no_answer(pid, number))
    return text


def exists(pid):
    """True while process PID runs (a zombie does not)."""
    return _state(pid) not in "ZX"


def _state(pid):
    """The letter of process PID's state; Z also where it is gone."""
    return _status(_folder(pid), "State", "Z")[:1]


def wait_for_end(pid, seconds):
    """Waits SECONDS, or until process PID ends."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([process], [], [], seconds)
    finally:
        os.close(process)


def wait_for_start(pid, seconds):
    """Waits until process PID can be asked, SECONDS at most. Raises Trouble where it
    cannot even then."""
    until = time.monotonic() + seconds
    while exists(pid) and time.monotonic() < until:
        with contextlib.suppress(Trouble):
            request_signal(pid)
            return
        wait_for_end(pid, 0.05)
    request_signal(pid)


def _folder(pid):
    """Where /proc shows process PID: under its own number; or, where its first thread
    has ended and others go on, under that of another."""
    own = f"/proc/{pid}"
    if _status(own, "State", "").startswith("Z"):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"{own}/task"):
                if task != str(pid):
                    return f"{own}/task/{task}"
    return own


def request_signal(pid):
    """The number of the signal that asks process PID for a dump.

    It is sent only to a process that has the library and handles the signal:
    the default action of SIGUSR1 would end the process. And not where the
    program is known to handle it, for which it would mean something else.
    """
    if not exists(pid):
        raise Trouble(f"process {pid} is gone" if os.path.exists(f"/proc/{pid}")
                      else f"there is no process {pid}")
    if _is_kernel_thread(pid):
        raise Trouble(f"{pid} is a thread of the kernel")
    try:
        folder = _folder(pid)
        loaded = has_library(folder)
        static = not loaded and is_static(folder)
        with open(f"{folder}/environ", "rb") as environment:
            settings = dict(entry.split(b"=", 1) for entry in environment.read().split(b"\0")
                            if b"=" in entry)
    except PermissionError:
        raise Trouble(_not_ours(pid)) from None
    except OSError:
        raise Trouble(f"process {pid} is gone") from None
    if static:
        raise Trouble(f"process {pid} is statically linked: it cannot be tracked")
    if not loaded:
        raise Trouble(f"process {pid} does not run under dmalloc; "
                      "start it with dmalloc-run -- PROGRAM")
    caught = int(_status(folder, "SigCgt", "0"), 16) << 1       # bit n: signal n
    said = _said_by_reporter(pid)
    if said:
        number = said
    elif {b"LD_PRELOAD", b"DMALLOC_SIGNAL"} & settings.keys():
        number = signal_number(settings.get(b"DMALLOC_SIGNAL", b"").decode("ascii", "replace"))
    else:
        number = _guess(caught)
    if not number:
        raise Trouble(f"process {pid} takes no requests (DMALLOC_SIGNAL=none)")
    if said == 0 and caught >> number & 1:
        raise Trouble(f"process {pid} handles {signal_name(number)} itself; start it with "
                      "another, such as DMALLOC_SIGNAL=RTMIN+5")
    if not caught >> number & 1:
        raise Trouble(f"process {pid} has dmalloc loaded but does not listen to "
                      f"{signal_name(number)} (see DMALLOC_SIGNAL and DMALLOC_PROGRAM)")
    return number


def _said_by_reporter(pid):
    """The signal that the name of the process's reporter says, 0 when the program
    has taken it for itself, None when there is no reporter now."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/comm",
                                                    errors="replace") as comm:
                name, _, number = comm.read().rstrip("\n").partition(":")
                if name == "dmalloc" and number.isdigit() and int(number) <= signal.SIGRTMAX:
                    return int(number)
    return None


def _guess(caught):
    """The dmalloc signal of a process whose environment cannot be read any more:
    servers write their title over it. The one real-time signal that is among
    those CAUGHT, for programs hardly have handlers for these; else the default.
    """
    real_time = [number for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1)
                 if caught >> number & 1]
    return real_time[0] if len(real_time) == 1 else int(signal.SIGUSR1)


def signal_number(setting):
    """The signal that DMALLOC_SIGNAL's text names, 0 for none.

    What dmalloc cannot read means the default, USR1, there and here.
    """
    text = setting.strip().upper().removeprefix("SIG")
    base, _, more = text.partition("+")
    if text == "NONE":
        return 0
    if text.isdigit() and 0 < int(text) <= signal.SIGRTMAX:
        return int(text)
    if base == "RTMIN" and (more.isdigit() or not more):
        return signal.SIGRTMIN + int(more or 0)
    if text.startswith("RTMAX-") and text[6:].isdigit():
        return signal.SIGRTMAX - int(text[6:])
    return int(getattr(signal, f"SIG{text}", signal.SIGUSR1))


def signal_name(number):
    """USR1, RTMIN+5."""
    if number > signal.SIGRTMIN:
        return f"RTMIN+{number - signal.SIGRTMIN}"
    return signal.Signals(number).name.removeprefix("SIG")


def _status(folder, name, default):
    """The field NAME of the status in FOLDER, a process's place in /proc, or DEFAULT."""
    with contextlib.suppress(OSError):
        with open(f"{folder}/status", errors="replace") as lines:
            for line in lines:
                if line.startswith(name + ":"):
                    return line.split(":", 1)[1].strip()
    return default


def _is_kernel_thread(pid):
    with contextlib.suppress(OSError, IndexError, ValueError):
        with open(f"/proc/{pid}/stat", errors="replace") as line:
            return bool(int(line.read().rsplit(")", 1)[1].split()[6]) & PF_KTHREAD)
    return False


def _not_ours(pid):
    if os.geteuid() == 0:
        return f"process {pid} is protected even from root"
    return f"process {pid} belongs to another user; ask as that user or as root"


def _no_answer(pid, number):
    if not exists(pid):
        return f"process {pid} is gone"
    if _state(pid) in "Tt":
        return f"process {pid} is stopped and cannot answer"
    return (f"process {pid} did not answer in {ANSWER_SECONDS:g} s: it may have taken "
            f"{signal_name(number)} for itself, or may not open our pipe and wrote "
            "to its own output")


def _ask(pid, inner, number, json, everything):
    """Asks from this very process. PID: the target in /proc, INNER: as kill(2) knows it."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    with contextlib.suppress(OSError):       # a process without a reporter cannot wait for us
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    # The target opens the reader's number to write to the pipe, also once our writer is closed.
    # Should it come late, it must not find another file there.
    with contextlib.suppress(OSError):
        low, reader = reader, fcntl.fcntl(reader, fcntl.F_DUPFD_CLOEXEC, OWN_DESCRIPTORS)
        os.close(low)
    value = request_value(reader, os.getpid(), json, everything)
    try:
        return _read(pid, reader, writer, lambda: sigqueue(inner, number, value),
                     once=number >= signal.SIGRTMIN)
    finally:
        os.close(reader)
        with contextlib.suppress(OSError):
            os.close(writer)


def _read(pid, reader, writer, send, once):
    """SENDs the request; all that the process writes, until it closes its end.

    While nothing comes it is sent again, now and then, unless ONCE: of a signal that is no
    real-time one the kernel keeps one alone, and another's request may have been just before.
    """
    chunks = []
    sent = 0
    start = time.monotonic()
    while (waited := time.monotonic() - start) < ANSWER_SECONDS:
        if not chunks and waited >= AGAIN_SECONDS * (2 ** sent - 1) and not (sent and once):
            with contextlib.suppress(ProcessLookupError):
                send()
            sent += 1
        if not select.select([reader], [], [], min(0.25, ANSWER_SECONDS - waited))[0]:
            if not exists(pid):
                break
            continue
        if not chunks:
            os.close(writer)             # it has its own now: its close is the end
        chunk = os.read(reader, 1 << 16)
        if not chunk:
            break
        chunks.append(chunk)
    text = b"".join(chunks)
    if text and sent > 1:
        _pour_away(reader)
        text = NEXT_DUMP.split(text, 1)[0]
    return text


def _pour_away(reader):
    """Takes in what a request that was sent again brings, too: it would find nobody here and
    stand in the process's own output."""
    pipe = select.poll()
    pipe.register(reader, select.POLLIN)
    start = quiet = time.monotonic()
    while (now := time.monotonic()) < min(start + ANSWER_SECONDS, quiet + QUIET_SECONDS):
        events = pipe.poll(10)
        if not events:                   # it is open, and is being written
            quiet = now
        elif events[0][1] & select.POLLIN:
            os.read(reader, PIPE_BYTES)
            quiet = now
        else:
            time.sleep(0.01)


def _ask_as(pid, number, target, json, everything):
    """Asks from a child in the target's place; for root. TARGET: its stat."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    inner = _status(f"/proc/{pid}", "NSpid", str(pid)).split()
    foreign = os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
    outer = os.fork()
    if outer == 0:
        with contextlib.suppress(BaseException):
            os.close(reader)
            if foreign:                  # only children enter the namespace
                with open(f"/proc/{pid}/ns/pid") as namespace:
                    _libc.setns(namespace.fileno(), CLONE_NEWPID)
                child = os.fork()
                if child:
                    os.waitpid(child, 0)
                    os._exit(0)
            _become(target.st_uid, target.st_gid)
            text = _ask(pid, int(inner[-1]) if foreign else pid, number, json, everything)
            with open(writer, "wb") as pipe:
                pipe.write(text)
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read()
    os.waitpid(outer, 0)
    return text


def _become(uid, gid):
    """Takes the user and group, gives up all capabilities, stays traceable."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _libc.capset(header, nothing)
    prctl(PR_SET_DUMPABLE, 1)
