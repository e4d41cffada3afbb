#!/usr/bin/env python3
"""The users pipeline with its topics in a real Kafka: the pipeline is killed with SIGKILL, the broker is restarted and
killed, the API misbehaves; at the end topics, dead letters and tables equal the API's ledger. Then the mistakes one makes
with a cluster, each of which must be one clear error within seconds.

  kafka_test.py --bin build/dev               starts a broker of its own (tests/real/kafka.sh), ends it afterwards
  kafka_test.py --bin build/dev --kills 20    the long form
"""
import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "crash"))
from users_stack import Failure, UsersStack  # noqa: E402

ERROR_SECONDS_MAX = 20


class Broker:
    """A fresh broker on loopback; leaving the `with` block ends it."""

    def __init__(self, port, version):
        self.environment = dict(os.environ, KAFKA_PORT=str(port), KAFKA_VERSION=version, FRESH="1")
        self.servers = f"127.0.0.1:{port}"
        self.sasl_servers = f"127.0.0.1:{port + 2}"

    def do(self, what):
        done = subprocess.run([HERE / "kafka.sh", what], env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"kafka.sh {what}: {done.stdout}{done.stderr}")
        self.environment.pop("FRESH", None)

    def __enter__(self):
        self.do("start")
        return self

    def __exit__(self, *_):
        self.do("stop")


class KafkaStack(UsersStack):
    """The users pipeline with `--profile kafka`."""

    def __init__(self, folder, binaries, seed, broker, name):
        super().__init__(folder, binaries, seed, profile="kafka")
        self.environment["KAFKA_SERVERS"] = broker.servers
        self.name = name

    def _copy_project(self):
        """A project name of its own: the tests' transactional ids and internal topics do not meet."""
        file = super()._copy_project()
        text = file.read_text(encoding="utf-8").replace("name: users\n", f"name: {self.name}\n", 1)
        file.write_text(text, encoding="utf-8")
        return file


    def wait_for_queries(self):
        """Until every query runs: after its broker was away it is started again."""
        deadline = time.monotonic() + 60
        while not all(row["running"] for row in self.ask_rows("status", "--json") if "query" in row):
            if time.monotonic() > deadline:
                raise Failure(f"a query did not come back in 60 s:\n{self.log_tail()}")
            time.sleep(0.5)


def survive(folder, options, broker):
    chance = random.Random(options.seed)
    with KafkaStack(folder, options.bin, options.seed, broker, "users") as stack:
        stack.start()
        stack.wait_ready()
        stack.wait_for_runs(1)
        for kill in range(options.kills):
            time.sleep(chance.uniform(0.2, 4.0))
            stack.kill()
            stack.start()
            if kill % 3 == 1:
                stack.wait_ready()
                broker.do("kill")
                time.sleep(chance.uniform(0.0, 5.0))
                broker.do("start")
        stack.wait_ready()
        broker.do("stop")
        time.sleep(options.away)
        broker.do("start")
        stack.wait_for_runs(1)
        stack.wait_for_queries()
        stack.stop()
        stack.settle()
        print(stack.check())
        print("tries caught by a kill: {} after their commit, {} before".format(*stack.resolved_tries()))
        keep_profiles_apart(stack)


def keep_profiles_apart(stack):
    """Positions of the cluster's topics mean nothing in the embedded log."""
    command = [stack.program("src/cli/millrace"), "run", stack.project, "--data", stack.data, "--for", "1s"]
    done = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 0 or "the profile says the embedded log" not in done.stderr:
        raise Failure(f"the cluster's data folder was opened without its profile: {done.stderr}")


def module_test(options, broker):
    """What only a real cluster does, in the module's own test program."""
    done = subprocess.run([options.bin / "src/kafka/kafka_test", "--gtest_filter=RealCluster.*"],
                          env=dict(os.environ, MILLRACE_TEST_KAFKA=broker.servers), capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode != 0 or "SKIPPED" in done.stdout:
        raise Failure(f"kafka_test: exit {done.returncode}:\n{done.stdout}{done.stderr}")
    print(done.stdout.strip().splitlines()[-1])


def refused(folder, options, broker):
    """Each mistake ends `run` within seconds, and its error names the setting."""
    with KafkaStack(folder, options.bin, options.seed, broker, "mistakes") as stack:
        project = stack.project.read_text(encoding="utf-8")

        def expect(what, change, *words, servers=broker.servers):
            stack.project.write_text(change(project), encoding="utf-8")
            began = time.monotonic()
            command = [stack.program("src/cli/millrace"), "run", stack.project, "--data", folder / "refused"]
            command += ["--profile", "kafka", "--for", "1s"]
            environment = dict(stack.environment, KAFKA_SERVERS=servers, WRONG="wrong")
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
            seconds = time.monotonic() - began
            shutil.rmtree(folder / "refused", ignore_errors=True)
            missing = [word for word in words if word not in done.stderr]
            if done.returncode == 0 or missing or seconds > ERROR_SECONDS_MAX:
                raise Failure(f"{what}: exit {done.returncode} after {seconds:.1f} s, without {missing}: {done.stderr}")
            print(f"{what}: {seconds:.1f} s: {done.stderr.strip().splitlines()[0]}")

        def with_kafka(*lines):
            more = "".join(f"      {line}\n" for line in lines)
            return lambda text: text.replace("      transaction_timeout: 8s\n", more, 1)

        expect("nobody listens", lambda text: text, "Connection refused", "bootstrap_servers", servers="127.0.0.1:1")
        expect("no such host", lambda text: text, "bootstrap_servers", servers="no.such.host.invalid:9092")
        expect("wrong password", with_kafka("sasl: {mechanism: plain, user: millrace, password: env:WRONG}"),
               "Authentication failed", "sasl.password", servers=broker.sasl_servers)
        expect("no TLS there", with_kafka("tls: {enabled: true}"), "kafka.tls")
        expect("above the broker's limit", with_kafka("transaction_timeout: 11m"), "transaction.max.timeout.ms",
               "transaction_timeout")
        expect("partitions differ", lambda text: text.replace("    partitions: 4\n", "    partitions: 5\n", 1),
               "partitions is 4, the project says 5", "nothing was changed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path, help="build folder")
    parser.add_argument("--kills", type=int, default=5, help="of the pipeline")
    parser.add_argument("--away", type=float, default=10, help="seconds the broker is away at the end")
    parser.add_argument("--port", type=int, default=29292, help="of the broker; the next two are taken too")
    parser.add_argument("--version", default="4.3.1", help="of Kafka; 3.9.2 runs with ZooKeeper")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-kafka-"))
    print(f"seed {options.seed}, in {folder}", flush=True)
    try:
        with Broker(options.port, options.version) as broker:
            module_test(options, broker)
            survive(folder / "survive", options, broker)
            refused(folder / "refused", options, broker)
    except Failure as failure:
        print(f"FAILED with --seed {options.seed} (kept: {folder}): {failure}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print("all well")
    return 0


if __name__ == "__main__":
    sys.exit(main())
