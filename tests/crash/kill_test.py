#!/usr/bin/env python3
"""Kills the running users pipeline with SIGKILL at random moments while its API misbehaves, then lets it finish and
holds topic, dead letters and tables against the API's ledger: nothing may be missing, nothing may be there twice.

  kill_test.py --bin build/dev                       ten kills, under 90 s: what ctest runs (crash_kill)
  kill_test.py --bin build/release --times 200       the long form
  kill_test.py --bin build/dev --seed 1234 --keep    the moments of an earlier run; its folder is kept

The seed decides the moments and the API's faults, not the machine's timing: a failure need not come again at once.
"""
import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time

from users_stack import Failure, UsersStack


def wait_for_moment(stack, chance):
    """While it opens and recovers; in the first epochs; at work; or around the commit of a try's last pages."""
    kind = chance.random()
    if kind < 0.2:
        return time.sleep(chance.uniform(0.0, 0.4))
    if kind < 0.4:
        return time.sleep(chance.uniform(0.4, 1.5))
    if kind < 0.6:
        return time.sleep(chance.uniform(1.5, 4.0))
    served = stack.ledger.stat().st_size
    deadline = time.monotonic() + 4
    while stack.ledger.stat().st_size == served and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(chance.uniform(0.0, 0.15))


def survive(folder, options):
    chance = random.Random(options.seed)
    with UsersStack(folder, options.bin, options.seed) as stack:
        for kill in range(options.times):
            stack.start()
            wait_for_moment(stack, chance)
            stack.kill()
            if options.times > 20 and (kill + 1) % 10 == 0:
                print(f"{kill + 1} kills survived", flush=True)
        stack.settle()
        print(stack.check())
        print("tries caught by a kill: {} after their commit, {} before".format(*stack.resolved_tries()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path, help="build folder")
    parser.add_argument("--times", type=int, default=10, help="kills")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--folder", type=pathlib.Path, help="where to work; default: a temporary folder")
    parser.add_argument("--keep", action="store_true", help="keep the folder even when all is well")
    options = parser.parse_args()
    folder = options.folder or pathlib.Path(tempfile.mkdtemp(prefix="millrace-kill-"))
    print(f"seed {options.seed}, {options.times} kills, in {folder}", flush=True)
    began = time.monotonic()
    try:
        survive(folder, options)
    except Failure as failure:
        print(f"FAILED with --seed {options.seed} (kept: {folder}): {failure}", file=sys.stderr)
        return 1
    print(f"{options.times} kills survived in {time.monotonic() - began:.0f} s")
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
