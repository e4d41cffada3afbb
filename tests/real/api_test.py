#!/usr/bin/env python3
"""The REST API of a running users pipeline, as outside tools see it: schemathesis sends what the OpenAPI document allows
and what it does not, promtool reads /metrics.

Usage: tests/real/api_test.py --bin build/dev [--examples 30]
schemathesis comes from PyPI into a virtual environment below the build folder; promtool (Debian's package prometheus) is
used where it is there.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "crash"))
from users_stack import Failure, UsersStack  # noqa: E402

SCHEMATHESIS = "schemathesis==4.32.5"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
RECORDS_SECONDS_MAX = 120


class ServedStack(UsersStack):
    """The users pipeline with its TCP door open on any free port."""

    def _copy_project(self):
        file = super()._copy_project()
        file.write_text(file.read_text(encoding="utf-8").replace('listen: "off"', 'listen: "127.0.0.1:0"'), encoding="utf-8")
        return file

    def base(self):
        """Its address, once rows are there: an empty pipeline answers little."""
        deadline = time.monotonic() + RECORDS_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.pipeline.poll() is not None:
                raise Failure(f"the pipeline ended:\n{self.log_tail()}")
            found = re.search(r'"address":"(127\.0\.0\.1:\d+)"', self.log_file().read_text(encoding="utf-8", errors="replace"))
            base = f"http://{found[1]}" if found else None
            if base and re.search(r'rows_out_total\{[^}]*created_users[^}]*\} [1-9]', get(base + "/metrics")):
                return base
            time.sleep(0.5)
        raise Failure(f"no rows after {RECORDS_SECONDS_MAX} s:\n{self.log_tail()}")


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def check_metrics(base):
    promtool = shutil.which("promtool")
    if promtool is None:
        print("promtool: not there, skipped")
        return
    done = subprocess.run([promtool, "check", "metrics"], input=get(base + "/metrics"), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"promtool check metrics: exit {done.returncode}\n{done.stdout}{done.stderr}")
    print("promtool check metrics: nothing to complain of")


def schemathesis_program(binaries):
    folder = binaries / "schemathesis"
    program = folder / "bin" / "schemathesis"
    if not program.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", SCHEMATHESIS], check=True)
    return program


def check_api(base, program, examples):
    # The event stream has no end, which schemathesis waits for.
    command = [program, "run", f"{base}/api/v1/openapi.json", "--checks", CHECKS, "--max-examples", str(examples)]
    command += ["--exclude-path", "/events", "--phases", "examples,coverage,fuzzing", "--seed", "1", "--workers", "1"]
    if subprocess.run(command, check=False).returncode != 0:
        raise Failure("schemathesis found failures, see above")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", type=pathlib.Path, required=True)
    arguments.add_argument("--examples", type=int, default=30)
    options = arguments.parse_args()
    program = schemathesis_program(options.bin.resolve())
    with tempfile.TemporaryDirectory(prefix="millrace-api-") as folder, ServedStack(folder, options.bin, seed=1) as stack:
        stack.start()
        try:
            base = stack.base()
            check_metrics(base)
            check_api(base, program, options.examples)
        except Failure as failure:
            print(f"FAILED: {failure}", file=sys.stderr)
            return 1
    return 0


sys.exit(main())
