"""A program in a terminal of its own, for the tests of what a person sees."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time


class Terminal:
    """A program in a terminal; `screen()` is what a person would see now."""

    def __init__(self, *command, columns=80, rows=24):
        self.columns, self.rows = columns, rows
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(command[0], list(map(str, command)))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.output = ""
        self.status = None

    def read(self, seconds):
        """Takes in what the program writes within SECONDS."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    break
                if not data:
                    break
                self.output += data.decode("utf-8", "replace")

    def screen(self):
        """The last full screen: rich draws each from the top left corner."""
        last = self.output.rsplit("\x1b[H", 1)[-1]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).replace("\r", "")

    def wait_for(self, text, seconds=20):
        """Reads until TEXT is on the screen; returns whether it came."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if text in self.screen():
                return True
            self.read(0.1)
        return False

    def send(self, keys):
        os.write(self.fd, keys.encode())

    def end(self, seconds=10):
        """Waits for the program; its exit status."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None
