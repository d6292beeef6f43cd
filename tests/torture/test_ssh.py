"""ssh: a login over the loopback interface, with a daemon and keys of its own."""

import os
import pathlib
import unittest

import harness
import torture

CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {place}/host
AuthorizedKeysFile {place}/authorized
PidFile none
StrictModes no
UsePAM no
PermitUserEnvironment no
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
"""


@unittest.skipIf(os.geteuid(), "needs root")
class Ssh(torture.Case):

    needs = ("sshd", "ssh", "sftp", "scp")

    def before(self):
        keys = self.place / "keys"
        keys.mkdir(mode=0o755)
        for name in ("host", "user"):
            self.plainly(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name])
        (keys / "authorized").write_bytes((keys / "user.pub").read_bytes())
        self.port = torture.free_port()
        (keys / "config").write_text(CONFIG.format(port=self.port, place=keys))
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)

    def session(self, preload):
        """What a login, a copy and a transfer show."""
        sshd = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.place / "keys/config")]
        with self.serving(sshd, preload) as server:
            harness.wait_until(lambda: torture.answers(self.port), "sshd to listen")
            options = ["-i", str(self.place / "keys/user"), "-F", "none", "-o", "BatchMode=yes",
                       "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                       "-o", "LogLevel=ERROR"]
            ssh = ["ssh", *options, "-p", str(self.port), "root@127.0.0.1"]
            # The client too runs as the server does.
            client = self.environment(self.place / "libdmalloc.so", preload, {}, {})
            seen = []
            for command, status in (
                    (["echo in; id -u; seq 100000 | md5sum; exit 7"], 7),
                    (["-t", "-t", "tty >/dev/null && echo terminal; stty size"], 0),
                    (["-C", "head -c 3000000 /dev/zero | cksum"], 0),
                    (["kill -USR1 $$; echo not reached"], 255)):
                options_first = [word for word in command if word.startswith("-")]
                line = ssh[:-1] + options_first + [ssh[-1], command[-1]]
                done = harness.subprocess.run(
                    line, check=False, capture_output=True, env=client, timeout=100,
                    stdin=harness.subprocess.DEVNULL)
                self.assertEqual(done.returncode, status, (command, done, self.said()))
                seen.append((done.stdout, done.stderr))
            (self.work / "file").write_bytes(os.urandom(100) * 10000)
            scp = ["scp", *options, "-P", str(self.port)]
            self.plainly([*scp, self.work / "file", f"root@127.0.0.1:{self.work}/copy"])
            self.assertEqual((self.work / "copy").read_bytes(), (self.work / "file").read_bytes())
            torture.end(server)
        return seen

    @torture.quick
    def test_a_login(self):
        plain = self.session(False)
        self.assertEqual(self.session(True), plain)
        self.assert_all_balanced(self.read_dumps())
