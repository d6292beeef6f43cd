"""bubblewrap: namespaces, a sandbox without our files, a system call filter."""

import os
import unittest

import torture

SANDBOX = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"]
INSIDE = r"""
id -u; hostname; set -- /proc/[0-9]*; [ $$ -gt 9 ] || echo $#; seq 2000 | sort -r | md5sum
cat /proc/self/uid_map | wc -l; ls /proc/self/fd | wc -l; echo $(($(ulimit -n) > 0)); exit 5
"""


class Bubblewrap(torture.Case):

    needs = ("bwrap",)

    @torture.quick
    def test_each_namespace(self):
        for user in (None, torture.NOBODY) if os.geteuid() == 0 else (None,):
            for spaces in (["--unshare-all", "--hostname", "box"],
                           ["--unshare-user", "--uid", "77", "--unshare-pid"],
                           ["--unshare-ipc", "--die-with-parent", "--new-session"]):
                with self.subTest(user=user, spaces=spaces):
                    self.user = user
                    self.compare(["bwrap", *SANDBOX, *spaces, "/bin/sh", "-c", INSIDE],
                                 balanced=False)

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_others_that_enter_namespaces(self):
        self.compare("unshare --user --map-root-user sh -c 'id -u; echo in'; "
                     "unshare --mount --uts sh -c 'hostname inside; hostname'; "
                     "unshare --fork --pid --mount-proc sh -c 'echo $$; ls -d /proc/[0-9]*'; "
                     "unshare --net sh -c 'ls /sys/class/net | wc -l; nsenter -t $$ --net true'; "
                     "setpriv --reuid 33 --regid 33 --clear-groups id; "
                     "setpriv --bounding-set -all --inh-caps -all true; "
                     "su nobody -s /bin/sh -c id; runuser -u www-data -- id -un; "
                     "chroot / id -u; chroot --userspec=33:33 / id -u; "
                     "setarch -R true; taskset -c 0 nproc; prlimit --nofile=20 sh -c 'ulimit -n'")
