"""The users pipeline with its API, in a folder of its own, as the crash tests start, kill and check it."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "users"
# Together 17 of 100 requests fail; of the records two in a hundred are malformed, one repeats the one before.
FAULTS = "429=0.03:1,5xx=0.05,cut=0.03,truncated=0.03,invalid_json=0.03,malformed=0.02,duplicate=0.01"
READY_SECONDS_MAX = 120  # sanitizers on a busy machine
SETTLE_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60


class Failure(Exception):
    """The product did what it must not do; the message says what."""


class UsersStack:
    """Owns the processes it starts: leaving the `with` block ends them."""

    def __init__(self, folder, binaries, seed, every="1s", pages=8, page_size=40, profile=None):
        self.folder = pathlib.Path(folder)
        self.binaries = pathlib.Path(binaries)
        self.seed = seed
        self.role_options = ["--profile", profile] if profile else []
        self.ledger = self.folder / "ledger.jsonl"
        self.data = self.folder / "data"
        self.environment = dict(os.environ, USERS_EVERY=every, USERS_PAGES=str(pages), USERS_PAGE_SIZE=str(page_size))
        self.api = None
        self.pipeline = None
        self.starts = 0

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a test that is ended ends its processes
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.project = self._copy_project()
            self._start_api()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in (self.pipeline, self.api):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def _copy_project(self):
        """The example, but without its TCP listener: tests must not meet on a port."""
        project = self.folder / "project"
        project.mkdir(exist_ok=True)
        for suffix in ("*.yaml", "*.sql", "*.cql", "*.csv"):
            for file in EXAMPLE.glob(suffix):
                shutil.copy(file, project)
        file = project / "pipeline.yaml"
        with file.open("a", encoding="utf-8") as text:
            text.write('\napi:\n  listen: "off"\n')
        return file

    def _start_api(self):
        command = [self.program("examples/users/api/millrace_users_api"), "--port", "0", "--ledger", self.ledger]
        command += ["--faults", FAULTS, "--fault-seed", str(self.seed)]
        log = (self.folder / "api.log").open("wb")
        self.api = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        line = self.api.stdout.readline().decode()
        url = re.search(r"http://\S+", line)
        if url is None:
            raise Failure(f"the users API said {line!r}, see {log.name}")
        self.environment["USERS_API_URL"] = url[0]

    def program(self, name):
        """In a build folder, or all in one folder."""
        path = self.binaries / name
        return path if path.exists() else self.binaries / pathlib.Path(name).name

    def command(self, *arguments, data=None):
        place = ["--project", self.project, "--data", data or self.data, *self.role_options]
        return [self.program("src/cli/millrace"), arguments[0], *arguments[1:], *place]

    def start(self, *options, data=None):
        self.starts += 1
        command = [self.program("src/cli/millrace"), "run", self.project, "--data", data or self.data]
        command += [*self.role_options, *options]
        with self.log_file().open("ab") as log:
            self.pipeline = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        return self.pipeline

    def log_file(self):
        return self.folder / f"run-{self.starts:04}.log"

    def kill(self):
        """kill -9; a pipeline that ended by itself before is a failure of its own."""
        if self.pipeline.poll() is not None:
            raise Failure(f"run {self.starts} ended by itself with {self.pipeline.returncode}:\n{self.log_tail()}")
        self.pipeline.send_signal(signal.SIGKILL)
        self.pipeline.wait()

    def log_tail(self):
        lines = self.log_file().read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-30:])

    def ask(self, *arguments, data=None):
        """Standard output of a command, the running pipeline asked over its socket."""
        done = subprocess.run(self.command(*arguments, data=data), env=self.environment, capture_output=True, text=True,
                              timeout=READY_SECONDS_MAX, check=False)
        if done.returncode != 0:
            raise Failure(f"millrace {' '.join(map(str, arguments))}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def ask_rows(self, *arguments, data=None):
        return [json.loads(line) for line in self.ask(*arguments, data=data).splitlines() if line.strip()]

    def dead_letters(self, query, data=None):
        """How many records a query refused."""
        rows = self.ask_rows("dead-letters", "list", "--json", data=data)
        return sum(row["count"] for row in rows if row["query"] == query)

    def wait_ready(self, data=None):
        """Until `status` answers from the running process: recovery is over and the queries run."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            if self.pipeline.poll() is not None:
                raise Failure(f"run {self.starts} ended by itself with {self.pipeline.returncode}:\n{self.log_tail()}")
            try:
                return self.ask("status", data=data)
            except Failure as failure:
                if time.monotonic() > deadline:
                    raise Failure(f"not ready after {READY_SECONDS_MAX} s: {failure}\n{self.log_tail()}") from failure
            time.sleep(0.1)

    def stop(self):
        """SIGTERM; the pipeline drains and says that nothing failed."""
        self.pipeline.send_signal(signal.SIGTERM)
        try:
            code = self.pipeline.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"not stopped {STOP_SECONDS_MAX} s after SIGTERM:\n{self.log_tail()}") from late
        if code != 0:
            raise Failure(f"exit {code} after SIGTERM:\n{self.log_tail()}")

    def runs(self, *states, data=None):
        return {run["run"] for state in states for run in
                self.ask_rows("runs", "--state", state, "--limit", "1000", "--json", data=data)}

    def wait_for_runs(self, count, data=None):
        """Until so many runs more than now have succeeded."""
        before = self.runs("success", data=data)
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while len(self.runs("success", data=data) - before) < count:
            if time.monotonic() > deadline:
                raise Failure(f"no {count} runs in {SETTLE_SECONDS_MAX} s:\n{self.log_tail()}")
            time.sleep(0.3)

    def settle(self, data=None):
        """Starts, and stops again once what was left open is resolved and new runs have succeeded."""
        self.start(data=data)
        self.wait_ready(data=data)
        left = self.runs("running", "queued", data=data)
        self.wait_for_runs(2, data=data)
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while left & self.runs("running", "queued", data=data):
            if time.monotonic() > deadline:
                raise Failure(f"still open after {SETTLE_SECONDS_MAX} s: {sorted(left)}\n{self.log_tail()}")
            time.sleep(0.3)
        self.stop()

    def resolved_tries(self):
        """How many tries a kill had caught at work, by whether the log held their commit."""
        logs = "".join(file.read_text(encoding="utf-8", errors="replace") for file in self.folder.glob("run-*.log"))
        lines = [json.loads(line) for line in logs.splitlines() if '"try.resolved"' in line]
        return sum(line["committed"] for line in lines), sum(not line["committed"] for line in lines)

    def check(self, data=None):
        """Holds the stopped pipeline's topics and tables against the API's ledger; gives what was compared."""
        command = [self.program("examples/users/check/millrace_users_check"), "--project", self.project]
        command += ["--data", data or self.data, "--ledger", self.ledger, *self.role_options]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise Failure(f"not what the API served (exit {done.returncode}):\n{done.stdout}{done.stderr}")
        if re.match(r"[1-9]\d* committed runs", done.stdout) is None or not self.dead_letters("created_users", data):
            raise Failure(f"no run or no dead letter was committed, nothing was tested:\n{done.stdout}")
        return done.stdout + self._check_counts(int(re.search(r"topic users_raw +(\d+) expected", done.stdout)[1]), data)

    def _check_counts(self, records, data):
        """The windows' counts are state: every record of the topic is counted once, or refused once."""
        sum_of_counts = "SELECT sum(signups) AS n FROM users.signups_by_country_minute"
        counted = self.ask_rows("query", "--format", "json", sum_of_counts, data=data)[0]["n"]
        refused = self.dead_letters("signups", data)
        if records != counted + refused:
            raise Failure(f"signups counted {counted} and refused {refused} of {records} records")
        return f"signups: {records} records, {counted} counted, {refused} refused"
