#!/usr/bin/env python3
"""The users example with its tables in a real Cassandra, held against the API's ledger and an embedded run.

    tests/real/cassandra_test.py --bin build/dev [--keep]

  1. a wrong port and a port of another protocol: one clear error within seconds, exit code not 0;
  2. the pipeline runs; millrace is killed (-9) and started again; Cassandra is killed (-9), stays away for a while and
     is started again; the ledger then says: nothing lost, nothing doubled;
  3. the same records through embedded tables give the same rows, column by column;
  4. a drifted schema is refused with the statement that would help, and altered when told to;
  5. passwords and TLS: refused with the setting's name when wrong, working when right.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE = ROOT / "tests/real/cassandra.sh"
TABLES = ["users.by_id", "users.by_country", "users.by_email_domain", "users.by_registered_month"]


class Failure(Exception):
    pass


def require(condition, what):
    if not condition:
        raise Failure(what)
    print(f"  ok: {what}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class World:
    def __init__(self, bin_folder, work):
        self.millrace = bin_folder / "src/cli/millrace"
        self.api_program = bin_folder / "examples/users/api/millrace_users_api"
        self.check_program = bin_folder / "examples/users/check/millrace_users_check"
        self.work = work
        self.ledger = work / "ledger.jsonl"
        self.port = int(os.environ.get("CASSANDRA_PORT", "29142"))
        self.api_port = free_port()
        self.env = dict(
            os.environ,
            CASSANDRA_PORT=str(self.port),
            USERS_API_URL=f"http://127.0.0.1:{self.api_port}/api/",
            USERS_EVERY="2s",
            USERS_PAGES="4",
        )
        self.project = work / "project"
        shutil.copytree(ROOT / "examples/users", self.project)
        # Control and metrics at a port of its own.
        file = self.project / "pipeline.yaml"
        file.write_text(file.read_text() + f'\napi: {{listen: "127.0.0.1:{free_port()}"}}\n')

    def node(self, *arguments, **environment):
        subprocess.run([str(NODE), *arguments], env=dict(self.env, **environment), check=True)

    def run(self, *arguments, timeout=120, env=None, stdin=None):
        return subprocess.run(
            [str(self.millrace), *arguments], env=env or self.env, capture_output=True, text=True, timeout=timeout, input=stdin
        )

    def options(self, data, profile="cassandra"):
        chosen = ["--project", str(self.project / "pipeline.yaml"), "--data", str(self.work / data)]
        return chosen + (["--profile", profile] if profile else [])

    def start(self, data, profile="cassandra"):
        log = open(self.work / f"{data}.log", "ab")
        command = [str(self.millrace), "run", *self.options(data, profile)]
        return subprocess.Popen(command, env=self.env, stdout=log, stderr=log)


def wrong_addresses(world):
    print("wrong addresses", flush=True)
    for port, what in ((1, "cannot connect"), (world.api_port, "does not speak CQL")):
        begun = time.monotonic()
        ended = world.run("run", *world.options("wrong"), "--for", "5s", env=dict(world.env, CASSANDRA_PORT=str(port)))
        took = time.monotonic() - begun
        require(ended.returncode != 0 and what in ended.stderr, f"port {port}: {ended.stderr.strip().splitlines()[-1][:200]}")
        require("profiles.cassandra.cassandra.port" in ended.stderr, "the setting is named")
        require(took < 20, f"within seconds ({took:.1f} s)")


def survive(world):
    print("run, kill, go on", flush=True)
    running = world.start("data")
    time.sleep(14)
    running.send_signal(signal.SIGKILL)
    running.wait()
    running = world.start("data")
    time.sleep(8)
    world.node("kill")
    print("  Cassandra is killed", flush=True)
    time.sleep(15)
    require(running.poll() is None, "millrace runs on while Cassandra is away")
    world.node("start")
    time.sleep(20)
    running.send_signal(signal.SIGTERM)
    require(running.wait(timeout=90) == 0, "it stops cleanly")
    checked = subprocess.run(
        [str(world.check_program), "--project", str(world.project / "pipeline.yaml"), "--profile", "cassandra",
         "--data", str(world.work / "data"), "--ledger", str(world.ledger)],
        env=world.env, capture_output=True, text=True,
    )
    print(checked.stdout + checked.stderr, flush=True)
    require(checked.returncode == 0, "nothing lost, nothing doubled")
    listed = world.run("tables", *world.options("data"))
    require(all(table in listed.stdout for table in TABLES), "millrace tables lists them")


def rows_of(world, table, data, profile):
    answer = world.run("query", *world.options(data, profile), "--format", "csv", f"SELECT * FROM {table}", timeout=300)
    require(answer.returncode == 0, f"query {table} ({profile or 'embedded'}) {answer.stderr[:300]}")
    lines = answer.stdout.splitlines()
    return lines[:1], sorted(lines[1:])


def same_rows(world):
    print("row for row as embedded", flush=True)
    # The same records into an embedded folder of their own.
    records = world.run("tail", "users_raw", "--all", "--json", *world.options("data"))
    produced = world.run("produce", "users_raw", "--key-separator", "\t", *world.options("embedded", None), stdin=keyed_lines(records.stdout))
    require(produced.returncode == 0, f"the same records into another log {produced.stderr[:200]}")
    env = dict(world.env, USERS_API_URL="http://127.0.0.1:1/", USERS_EVERY="1h")
    ended = subprocess.run(
        [str(world.millrace), "run", *world.options("embedded", None), "--for", "10s"], env=env, capture_output=True, text=True
    )
    require(ended.returncode == 0, f"the embedded run ends well {ended.stderr[-200:]}")
    for table in TABLES:
        real = rows_of(world, table, "data", "cassandra")
        embedded = rows_of(world, table, "embedded", None)
        require(len(real[1]) > 0 and real == embedded, f"{table}: {len(real[1])} rows, all equal")


def keyed_lines(lines):
    records = [json.loads(line) for line in lines.splitlines()]
    return "".join(f"{record['key']}\t{record['value']}\n" for record in records)


def drift(world):
    print("schema drift", flush=True)
    tables = world.project / "tables.cql"
    file = world.project / "pipeline.yaml"
    before, settings = tables.read_text(), file.read_text()
    tables.write_text(before.replace("calling_code text\n);", "calling_code text, nickname text\n);", 1))
    refused = world.run("run", *world.options("data"), "--for", "3s")
    require(refused.returncode != 0 and "ALTER TABLE users.by_id ADD nickname text" in refused.stderr, "shown and refused")
    file.write_text(settings.replace("port: ${CASSANDRA_PORT", "alter_schema: true\n      port: ${CASSANDRA_PORT"))
    altered = world.run("run", *world.options("data"), "--for", "3s")
    require(altered.returncode == 0, f"altered when told to {altered.stderr[-300:] if altered.returncode else ''}")
    tables.write_text(before.replace("age int, is_adult boolean, registered_date", "age bigint, is_adult boolean, registered_date", 1))
    refused = world.run("run", *world.options("data"), "--for", "3s")
    require(refused.returncode != 0 and "column age is int, wanted bigint" in refused.stderr, "a changed type is refused")
    tables.write_text(before)
    file.write_text(settings)


def secured(world):
    print("passwords and TLS", flush=True)
    port = world.port + 10
    real = pathlib.Path(os.environ.get("MILLRACE_REAL", ROOT / "build/real"))
    secure = dict(CASSANDRA_PORT=str(port), CASSANDRA_PASSWORDS="1", CASSANDRA_TLS="1", CASSANDRA_HEAP="768M")
    world.node("wipe", **secure)
    world.node("start", **secure)
    try:
        time.sleep(12)  # Cassandra makes its first user a while after it starts
        file = world.project / "pipeline.yaml"
        text = file.read_text()
        addition = f"""
  secured:
    roles: {{tables: cassandra}}
    cassandra:
      port: {port}
      consistency: one
      compression: lz4
      user: cassandra
      password: env:CASSANDRA_PASSWORD
      tls: {{ca_file: {real}/tls/ca.pem}}
"""
        file.write_text(text.replace("\napi:", addition + "\napi:"))
        run = lambda word: world.run("run", *world.options("secured", "secured"), "--for", "6s", env=dict(world.env, CASSANDRA_PASSWORD=word))
        wrong = run("wrong")
        require(wrong.returncode != 0 and "secured.cassandra.password" in wrong.stderr, wrong.stderr.strip().splitlines()[-1][:200])
        right = run("cassandra")
        require(right.returncode == 0, f"user, password, TLS and LZ4 work {right.stderr[-300:] if right.returncode else ''}")
        counted = world.run("query", *world.options("secured", "secured"), "--format", "csv", "SELECT count(*) AS n FROM users.by_id",
                            env=dict(world.env, CASSANDRA_PASSWORD="cassandra"))
        require(int(counted.stdout.split()[-1]) > 0, f"{counted.stdout.split()[-1]} rows are there")
        file.write_text(file.read_text().replace(f"      tls: {{ca_file: {real}/tls/ca.pem}}\n", ""))
        plain = run("cassandra")
        require(plain.returncode != 0 and "secured.cassandra.tls" in plain.stderr, plain.stderr.strip().splitlines()[-1][:200])
        file.write_text(text)
    finally:
        world.node("wipe", **secure)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--keep", action="store_true", help="leave the work folder and the node")
    parser.add_argument("--only", nargs="*", help="some of: wrong_addresses survive same_rows drift secured")
    given = parser.parse_args()
    work = ROOT / "build/real/test-cassandra"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    world = World(given.bin.resolve(), work)
    world.node("wipe")
    world.node("start")
    api = subprocess.Popen(
        [str(world.api_program), "--port", str(world.api_port), "--ledger", str(world.ledger)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        for step in (wrong_addresses, survive, same_rows, drift, secured):
            if not given.only or step.__name__ in given.only:
                step(world)
    except Failure as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    finally:
        api.kill()
        api.wait()
        if not given.keep:
            world.node("wipe")
    print("cassandra: all as it should be")
    return 0


sys.exit(main())
