#!/usr/bin/env python3
"""The restore drill: a backup of the working users pipeline, restored into another folder, goes on from there.

  backup_test.py --bin build/dev

1. `millrace backup` while the API misbehaves and the pipeline works; the pipeline works on, and in the end has lost and
   doubled nothing.
2. `millrace restore` into a new folder; a pipeline started there knows the runs of the backup, goes on, and in the end
   has exactly what the API served to the runs that its log holds.
3. Neither command writes over a folder that is there.
"""
import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

from users_stack import Failure, UsersStack


def expect_refusal(stack, command, why):
    done = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 0 or "exists" not in done.stderr:
        raise Failure(f"{why}: exit {done.returncode}, {done.stderr.strip()!r}")


def drill(folder, options):
    with UsersStack(folder, options.bin, options.seed) as stack:
        backup, restored = folder / "backup", folder / "restored"
        restore = [stack.program("src/cli/millrace"), "restore", backup, restored]
        stack.start()
        stack.wait_ready()
        stack.wait_for_runs(2)
        known = stack.runs("success")
        print(stack.ask("backup", backup), end="")
        expect_refusal(stack, stack.command("backup", backup), "a second backup to the same folder")
        stack.wait_for_runs(2)
        stack.stop()
        print("the original, after the backup:", stack.check(), sep="\n")
        later = stack.runs("success") - known

        subprocess.run(restore, check=True, timeout=60)
        expect_refusal(stack, restore, "a second restore to the same folder")
        had = stack.runs("success", data=restored)
        if not known <= had:
            raise Failure(f"the backup has not the runs {sorted(known - had)}")
        if not later - had:
            raise Failure("every run of the original is in the backup: nothing ran after it")
        stack.settle(data=restored)
        print("the restored one, after going on:", stack.check(data=restored), sep="\n")
        if not stack.runs("success", data=restored) - had - later:
            raise Failure("the restored pipeline has no run of its own")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path, help="build folder")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31), help="of the API's faults")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-backup-"))
    print(f"seed {options.seed}, in {folder}", flush=True)
    try:
        drill(folder, options)
    except Failure as failure:
        print(f"FAILED with --seed {options.seed} (kept: {folder}): {failure}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
