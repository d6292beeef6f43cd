"""perl: threads, forks, signals, sockets, its own heap; tests as prove runs them."""

import torture

BASE = r"""
mkdir t; cat > t/values.t <<'END'
use Test::More; use Storable qw(freeze thaw dclone); use Encode; use List::Util qw(sum shuffle);
my $tree = { map { ("k$_" => [1 .. $_ % 50, { s => "x" x $_ }]) } 1 .. 3000 };
is_deeply(thaw(freeze($tree)), $tree); is_deeply(dclone($tree), $tree);
is(sum(1 .. 100000), 5000050000); my @a = sort { $a <=> $b } shuffle 1 .. 100000; is($a[-1], 100000);
is(length decode('UTF-8', encode('UTF-8', "\x{263a}" x 5000)), 5000);
my $text = join ' ', map { "word$_" } 1 .. 20000; is(scalar(() = $text =~ /word\d*7\b/g), 2000);
{ my $long = 'a' x 100000; ok($long =~ /^(a|b)*$/); ok("x" x 5000 . "y" =~ /^(?:x+x+)?y$/ || 1) }
eval { die { code => 7 } }; is($@->{code}, 7); my $s = ''; vec($s, $_, 8) = $_ for 0 .. 255; is(length $s, 256);
sub f { my $n = shift; $n ? 1 + f($n - 1) : 0 } no warnings 'recursion'; is(f(20000), 20000);
my $evaled = 0; $evaled += eval "sub { $_ * 2 }->()" for 1 .. 2000; is($evaled, 4002000); done_testing;
END
cat > t/processes.t <<'END'
use Test::More; use POSIX; use IPC::Open3; use Socket; $SIG{USR1} = sub { $main::usr1++ };
kill USR1 => $$; is($main::usr1, 1); for my $i (1 .. 200) { my $pid = fork // die; if (!$pid) { my @x = (1) x 1000; POSIX::_exit($i % 256) } waitpid $pid, 0; $? >> 8 == $i % 256 or die }
ok(1); is(`echo out`, "out\n"); my $pid = open3(my $in, my $out, undef, 'cat'); print $in "hello\n"; close $in; is(<$out>, "hello\n"); waitpid $pid, 0;
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0); if (!fork) { syswrite $b, "y" x 1000 for 1 .. 100; POSIX::_exit(0) } close $b; my $n = 0; while (sysread $a, my $buf, 4096) { $n += length $buf } is($n, 100000); wait;
eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; select undef, undef, undef, 30; }; is($@, "alarm\n"); done_testing;
END
cat > t/threads.t <<'END'
use Test::More; use Config; plan skip_all => 'no threads' unless $Config{useithreads}; require threads; require Thread::Queue;
my $q = Thread::Queue->new; my @t = map { my $n = $_; threads->create(sub { my $s = 0; $s += length("x" x ($_ % 99)) for 1 .. 20000; $q->enqueue($s); $s + $n }) } 1 .. 6;
is(scalar(map { $_->join } @t), 6); is($q->pending, 6);
for (1 .. 40) { threads->create(sub { eval { die "in thread" }; 1 })->join or die } ok(1); done_testing;
END
prove -v t 2>&1 | grep -v -i 'wallclock\|^Files='; prove -j2 t >/dev/null; echo $?
perl -MDigest::SHA=sha256_hex -e 'print sha256_hex("a" x 5e6), "\n"'; perl -e 'exit 9'; echo $?
perl -e 'kill 9, $$'; echo $?; perl -MTime::HiRes -e 'Time::HiRes::sleep(1.3); print "slept\n"'
"""


class Perl(torture.Case):

    needs = ("perl", "prove")

    @torture.quick
    def test_its_tests(self):
        ran = self.compare(BASE, env={"PERL_HASH_SEED": "0"})
        self.assertIn(b"Result: PASS", ran.stdout)
