for f in inplace moving moving0; do
 for L in "" $1; do
 for n in 20000 60000; do rm -f o.$n; DMALLOC_INTERVAL=1000 DMALLOC_OUTPUT=/dev/null LD_PRELOAD=$L valgrind -q --tool=callgrind --toggle-collect=$f --callgrind-out-file=/tmp/ra/o.$n /tmp/ra/ra $n >/dev/null 2>&1; done
 a=$(grep -hoE "^(summary|totals): [0-9]+" o.20000 | head -1 | cut -d' ' -f2); b=$(grep -hoE "^(summary|totals): [0-9]+" o.60000 | head -1| cut -d' ' -f2); echo "$f ${L:-plain} $(( (b-a)/40000 ))"; done; done
