#!/usr/bin/env python3
"""What a person and a script see of the program: exit codes, messages and --json, with a real process.

    python3 tests/commands/commands_test.py --bin build/dev
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROJECT = """millrace: 1
name: commands
api: {listen: "off"}
topics:
  raw: {partitions: 1, schema: "id STRING, n INT"}
queries:
  copy: {sql: "SELECT id, n, n AS unused FROM STREAM(raw)", into: k.t}
dags:
  d:
    schedule: "@daily"
    tasks: {hello: {command: {argv: [echo, hello]}}}
tables:
  - "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"
  - "CREATE TABLE k.t (id text PRIMARY KEY, n int);"
"""
TESTS = """tests:
  - name: copies
    query: copy
    input: {raw: [{id: a, n: 1}]}
    rows: {k.t: [{n: 2, id: a}]}
"""
WAIT_SECONDS_MAX = 60
PROGRAM = None


class CommandsTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="millrace_commands_")
        self.folder = pathlib.Path(self.scratch.name)
        self.write(PROJECT)
        self.pipeline = None

    def tearDown(self):
        if self.pipeline is not None:
            self.stop()
        self.scratch.cleanup()

    def write(self, text, name="pipeline.yaml"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run_program(self, *words, text=""):
        return subprocess.run([PROGRAM, *words], cwd=self.folder, input=text, capture_output=True,
                              text=True, timeout=WAIT_SECONDS_MAX, check=False)

    def succeed(self, *words, text=""):
        done = self.run_program(*words, text=text)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stdout}{done.stderr}")
        return done

    def objects(self, *words):
        return [json.loads(line) for line in self.succeed(*words, "--json").stdout.splitlines()]

    def start(self):
        with open(self.folder / "events", "w", encoding="utf-8") as events:
            self.pipeline = subprocess.Popen([PROGRAM, "run"], cwd=self.folder,
                                             stdout=subprocess.DEVNULL, stderr=events)
        give_up = time.monotonic() + WAIT_SECONDS_MAX
        while "run.started" not in (self.folder / "events").read_text(encoding="utf-8"):
            self.assertIsNone(self.pipeline.poll(), (self.folder / "events").read_text())
            self.assertLess(time.monotonic(), give_up)
            time.sleep(0.02)

    def stop(self):
        self.pipeline.send_signal(signal.SIGTERM)
        code = self.pipeline.wait(WAIT_SECONDS_MAX)
        self.pipeline = None
        return code

    def test_a_project_with_mistakes_does_not_lock_out_of_the_running_pipeline(self):
        self.start()
        self.write(PROJECT + "nonsense: 1\n")
        done = self.succeed("status")
        self.assertIn("query copy", done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("warning: ", done.stderr)
        self.succeed("produce", "raw", text='{"id": "a", "n": 1}\n')
        self.assertEqual(self.stop(), 0)
        done = self.run_program("status")
        self.assertEqual(done.returncode, 2)
        self.assertIn('unknown key "nonsense"', done.stderr)

    def test_only_check_and_run_print_warnings(self):
        self.assertIn("is not kept by", self.succeed("check").stderr)
        self.succeed("produce", "raw", text='{"id": "a"}\n')
        self.assertNotIn("warning", self.succeed("topics").stderr)

    def test_every_line_of_a_run_is_an_event_off_a_terminal(self):
        self.start()
        self.succeed("produce", "raw", text='{"id": "a", "n": 1}\n')
        self.assertEqual(self.stop(), 0)
        lines = (self.folder / "events").read_text(encoding="utf-8").splitlines()
        events = [json.loads(line)["event"] for line in lines]
        for event in ("project.problem", "run.started", "run.stopping", "run.stopped"):
            self.assertIn(event, events)

    def test_a_run_that_cannot_start_says_so_in_an_event(self):
        self.write(PROJECT + "nonsense: 1\n")
        done = self.run_program("run")
        self.assertEqual(done.returncode, 2)
        events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
        self.assertEqual(events[-1], "run.failed")

    def test_what_is_not_there_fails(self):
        self.succeed("produce", "raw", text='{"id": "a"}\n')
        for words in (("produce", "nope"), ("runs", "nope"), ("tables", "k.nope"), ("tail", "nope")):
            done = self.run_program(*words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn("nope", done.stderr)
        self.write(TESTS, "tests/t.yaml")
        done = self.run_program("test", "--filter", "nothing")
        self.assertEqual(done.returncode, 2)
        self.assertIn('no test has "nothing" in its name', done.stderr)
        self.assertNotIn("passed", done.stdout)

    def test_a_failed_test_shows_both_rows_alike(self):
        self.write(TESTS, "tests/t.yaml")
        done = self.run_program("test")
        self.assertEqual(done.returncode, 3)
        lines = done.stdout.splitlines()
        self.assertTrue(lines[1].endswith("t.yaml:2: k.t: - expected, + got"), lines)
        self.assertEqual(lines[2:4], ["  - n=2  id=a", "  + n=1  id=a"])
        (result,) = [json.loads(line) for line in self.run_program("test", "--json").stdout.splitlines()]
        self.assertEqual((result["test"], result["passed"]), ("copies", False))

    def test_results_come_as_json(self):
        self.assertIn("version", self.objects("version")[0])
        self.start()
        self.succeed("produce", "raw", text='{"id": "a", "n": 1}\n')
        self.assertEqual(self.objects("replay", "k.t"), [{"rebuilt": "k.t"}])
        self.assertEqual(self.objects("query", "SELECT id, n FROM k.t"), [{"id": "a", "n": 1}])
        self.assertEqual([c["column"] for c in self.objects("tables", "k.t")], ["id", "n"])
        day = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z")
        self.assertEqual(self.objects("backfill", *day)[0]["runs_to_start"], 2)
        self.assertEqual(self.objects("backfill", "--list"), [])
        done = self.run_program("backfill", day[0], day[3], day[2], day[1])
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("it ends before it begins", done.stderr)
        (run,) = self.objects("trigger", "d", "--wait")
        (one,) = self.objects("runs", "d", run["run"])
        self.assertEqual(one["state"], "success")
        self.assertEqual(self.objects("clear", "d", run["run"]), [{"cleared": 1}])
        self.assertEqual(self.objects("backup", str(self.folder / "b"))[0]["folder"],
                         str(self.folder / "b"))
        self.assertEqual(self.stop(), 0)
        self.assertTrue(self.objects("inspect", "data")[-1]["ok"])

    def test_a_table_of_another_shape_is_dropped_and_rebuilt(self):
        self.start()
        self.succeed("produce", "raw", text='{"id": "a", "n": 1}\n')
        self.assertIn("in use", self.run_program("tables", "k.t", "--drop", "--yes").stderr)
        self.assertEqual(self.stop(), 0)
        self.write(PROJECT.replace("id text PRIMARY KEY, n int", "id text PRIMARY KEY, n bigint"))
        done = self.run_program("run", "--for", "1s")
        self.assertEqual(done.returncode, 2, done.stderr)
        error = json.loads(done.stderr.splitlines()[-1])
        self.assertIn("pipeline.yaml:14:", error["error"])
        self.assertIn("millrace tables k.t --drop --yes && millrace replay k.t", error["hint"])
        self.assertEqual(self.run_program("tables", "k.t", "--drop").returncode, 2)
        self.succeed("tables", "k.t", "--drop", "--yes")
        self.succeed("replay", "k.t")
        self.assertEqual(self.objects("query", "SELECT id, n FROM k.t"), [{"id": "a", "n": 1}])

    def test_fewer_partitions_are_refused_where_they_stand(self):
        self.succeed("produce", "raw", text='{"id": "a"}\n')
        self.write(PROJECT.replace("raw: {partitions: 1,", "raw: {cleanup: compact, partitions: 1,"))
        done = self.run_program("run", "--for", "1s")
        self.assertEqual(done.returncode, 2)
        self.assertIn("pipeline.yaml:5:3: topic raw: ", done.stderr)

    def test_damage_ends_one_query_and_the_run_with_five(self):
        self.succeed("produce", "raw", text='{"id": "a", "n": 1}\n')
        self.succeed("produce", "raw", text='{"id": "b", "n": 1}\n')
        (segment,) = (self.folder / "data/log/raw/0").glob("*.log")
        data = bytearray(segment.read_bytes())
        data[65] ^= 1
        segment.write_bytes(data)
        segment.with_suffix(".index").unlink(missing_ok=True)
        self.start()
        self.assertIn("checksum", self.succeed("status").stdout)
        (run,) = self.objects("trigger", "d", "--wait")
        self.assertEqual(run["state"], "success")
        self.assertEqual(self.stop(), 5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="build folder")
    arguments, rest = parser.parse_known_args()
    PROGRAM = os.path.join(os.path.abspath(arguments.bin), "src/cli/millrace")
    unittest.main(argv=[sys.argv[0], *rest])
