"""bash, dash and the core utilities."""

import torture

BASH = r"""
set -u
shopt -s extglob globstar
mkdir -p tree/{a,b,c}/{1..9}; for f in tree/*/*; do seq 500 > $f/n; echo "${f//\//-}" > $f/name; done
find tree -name n -print0 | sort -z | xargs -0 -n5 cat | md5sum
tar -C tree --sort=name --mtime=@0 --owner=0 --group=0 -cf - . | tee all.tar | sha256sum
mkdir copy; tar -C copy -xf all.tar; diff -r tree copy && echo same; cp -a tree moved; mv moved/a/1 moved/z
ls -R moved | wc; du --apparent-size -s moved/b | cut -f2
declare -A count; while read -r w; do ((count[$w]++)); done < <(seq 3000 | sed 's/.*\(.\)$/\1/')
for k in $(printf '%s\n' "${!count[@]}" | sort); do echo "$k ${count[$k]}"; done
seq 100000 | shuf --random-source=<(yes) | sort -n --parallel=4 | uniq | tail -1
seq 20000 | awk '{s += $1; a[$1 % 17] = a[$1 % 17] " " $1} END {print s, length(a[3])}'
gzip -9nc all.tar | gunzip | cmp - all.tar; split -b 10K all.tar part.; cat part.* | cmp - all.tar
join <(seq 1 3 999 | sort) <(seq 1 7 999 | sort) | wc -l; comm -12 <(seq 50 | sort) <(seq 40 60 | sort) | paste -sd+ | bc 2>/dev/null
coproc UP { tr a-z A-Z; }; echo hello >&${UP[1]}; exec {UP[1]}>&-; cat <&${UP[0]}; wait $UP_PID
trap 'echo usr1' USR1; kill -USR1 $$; (sleep 100 & wait) & p=$!; sleep 0.2; kill -USR1 $p; wait $p; echo status $?
timeout -s USR1 0.2 sleep 100; echo timeout $?
trap - USR1; sh -c 'kill -TERM $$'; echo term $?
f() { local n=$1; ((n < 2)) && { echo 1; return; }; echo $(( n * $(f $((n - 1))) )); }; f 15
for i in {1..300}; do (exit $((i % 256))); [ $? = $((i % 256)) ] || echo wrong $i; done
x=$(daemon() { (sleep 1; echo late) >/dev/null 2>&1 & }; daemon; echo at once); echo "$x"
printf '%s\n' {a..z}{0..9} | tac | nl | fold -w 20 | expand | pr -l 66 -h head -D date | tail -3
dd if=/dev/zero bs=1k count=64 2>/dev/null | od -An -tx1 | head -1; stat -c %s all.tar; date -u -d @0; env -i sh -c 'echo ${x-unset}'
read -r -t 0.1 < <(sleep 3); echo read $?
ulimit -v 400000; seq 100 | sort -rn | head -2
wait; exit 42
"""

DASH = r"""
for i in $(seq 300); do echo $i; done | while read -r x; do echo $((x * x)); done | tail -2
f() { [ $1 -gt 200 ] && return 0; f $(($1 + 1)); }; f 0; echo $?
cat <<END
$(echo inside; seq 3)
END
set -- a 'b c' d; echo "$#" "$2"; trap 'echo bye' EXIT; trap 'echo usr1' USR1; kill -USR1 $$
( ulimit -v 300000; echo limited ); ulimit -s 1024; sh -c 'echo small stack'
x=$( (sleep 0.3; echo late) & echo early; wait ); echo $x
{ echo out; echo err >&2; } 2>&1 | sort
exec 3>file; echo three >&3; exec 3>&-; cat file; exec 2>&-; ls nonexistent; echo $?
setsid true; nice true; nohup true </dev/null; env -u LD_PRELOAD true; exit 9
"""


class Shells(torture.Case):

    @torture.quick
    def test_bash_and_coreutils(self):
        self.compare(["/bin/bash", "-c", BASH])

    @torture.quick
    def test_dash(self):
        self.compare(["/bin/dash", "-c", DASH])
