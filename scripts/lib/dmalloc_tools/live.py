"""dmalloc-run --live: a program, and the view of its heap in our terminal.

The keys are the view's: a program gets our input where that is no terminal. It
is in a process group of its own, so that a signal from the terminal comes to us
and goes on to the program once, as one from anywhere else does. Where we are
killed the kernel ends it.
"""

import os
import signal
import subprocess
import sys
import tempfile

from . import ask, cli, top

PR_SET_PDEATHSIG = 1
START_SECONDS = 5                # that a program may take to have the library running


class Program:
    """COMMAND, started; what it writes goes into a file until someone looks."""

    def __init__(self, command, stdin):
        self._output = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, stdin=stdin, stdout=self._output, stderr=self._output, process_group=0,
            preexec_fn=lambda: ask.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))
        self._shown = 0
        self.pid = self._process.pid
        self.watched = True              # the view is there

    def forward(self, number, _):
        """A signal handler: what ends us ends the program, and first of all the view. All
        of its group, where a terminal would have sent it to all of ours."""
        if not self.ended():
            send = os.kill if number == signal.SIGTERM else os.killpg
            send(self.pid, number)
        if self.watched:
            self.watched = False
            raise KeyboardInterrupt

    def ended(self):
        """Whether it has."""
        return self._process.poll() is not None

    def show_output(self):
        """Writes to stdout what it has written, and what it writes until it ends."""
        while True:
            ended = self.ended()
            while chunk := os.pread(self._output.fileno(), 1 << 16, self._shown):
                self._shown += len(chunk)
                sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            if ended:
                return
            ask.wait_for_end(self.pid, 0.1)

    def status(self):
        """As a shell says it."""
        code = self._process.returncode
        return code if code >= 0 else 128 - code


def take_keyboard():
    """Makes the terminal our input; returns what a program reads instead of it."""
    if os.isatty(0):
        return subprocess.DEVNULL
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        raise cli.Trouble("--live: there are no keys to read: no terminal") from None
    stdin = os.dup(0)
    os.dup2(terminal, 0)
    return stdin


def main(command):
    """Runs COMMAND and shows it; returns its status."""
    cli.NAME = "dmalloc-run"
    cli.need("rich.live", "python3-rich")
    if not os.isatty(1):
        raise cli.Trouble("--live: the output is not a terminal")
    program = Program(command, take_keyboard())
    try:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, program.forward)
        ask.wait_for_start(program.pid, START_SECONDS)
        top.show(top.View(str(program.pid)), top.EVERY)
        program.watched = False
        if not program.ended():
            cli.say(f"process {program.pid} runs on; what it prints follows, Ctrl-C ends it")
    except KeyboardInterrupt:
        pass
    except cli.Trouble as trouble:
        program.watched = False
        cli.say(trouble)
    program.show_output()
    return program.status()
