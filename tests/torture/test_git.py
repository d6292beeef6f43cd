"""git: clone through its own protocol, gc, fsck and threads."""

import torture

WORK = r"""
set -e
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 TZ=UTC
for who in AUTHOR COMMITTER; do export GIT_${who}_NAME=a GIT_${who}_EMAIL=a@example.org \
  GIT_${who}_DATE=2020-01-01T00:00:00Z; done
git init -q -b main origin; cd origin; git config pack.threads 2; git config gc.auto 0
for i in $(seq 60); do
  mkdir -p d$((i % 7)); seq $i 4000 | sed "s/7/$i/g" > d$((i % 7))/f$i; seq $((i * 50)) > growing
  git add .; git commit -q -m "commit $i"; [ $((i % 10)) = 0 ] && git branch b$i
done
git checkout -q b30; seq 77 99 > other; git add .; git commit -q -m other; git checkout -q main
git merge -q -m merged b60; git merge -q -m "in conflict" b30 || git checkout -q --theirs growing
git add .; git commit -q -m resolved; git rebase -q --onto b10 b20 b30 || git rebase --abort
git checkout -q main; cd ..
git clone -q --no-local origin clone; git clone -q --bare --depth 5 "file://$PWD/origin" shallow
git -C clone gc -q --aggressive --prune=now; git -C clone fsck --full --strict
git -C clone repack -adfq --depth=50 --window=50; git -C clone count-objects -v | grep -v size
git -C clone verify-pack -v $(ls clone/.git/objects/pack/*.idx | sed "s,^clone/,,") | tail -1
git -C clone log --stat --format=%H%n%s | md5sum; git -C clone blame d3/f59 | md5sum
git -C clone grep -c 999 | md5sum; git -C clone diff HEAD~20 --stat | tail -1; git -C shallow log --oneline
git -C origin bundle create -q ../all.bundle --all; git clone -q all.bundle again; git -C again fsck
git -C clone archive HEAD | tar -t | wc -l; git -C clone fast-export --all | git -C again fast-import --force --quiet
git -C origin worktree add -q ../tree b40; git -C origin submodule status; cd clone
git stash list; seq 3 > growing; git stash -q; git stash pop -q; git status --short; git reset -q --hard
git bisect start -q HEAD HEAD~40 >/dev/null; git bisect run sh -c 'test $(wc -l < growing) -lt 1500' | tail -3
git cat-file --batch-check --batch-all-objects | sort | md5sum
git pull nowhere
"""


class Git(torture.Case):

    needs = ("git",)

    def test_clone_gc_fsck(self):
        ran = self.compare(WORK)
        self.assertIn(b"commit", ran.stdout)
