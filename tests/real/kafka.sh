#!/usr/bin/env bash
# A real Kafka broker (KRaft, one node) on loopback, for the tests that need one. Needs Java 17 and Maven; the jars come
# from Maven Central in exactly the versions named here.
#
#   tests/real/kafka.sh install         fetches the jars once
#   tests/real/kafka.sh start           starts the broker and returns when it serves; FRESH=1 begins without topics
#   tests/real/kafka.sh stop | kill     SIGTERM | SIGKILL, and waits for its end
#   tests/real/kafka.sh servers         bootstrap servers: plain text
#
# Everything is kept in $REAL_HOME (default: build/real). Ports: $KAFKA_PORT and the next two (controller, SASL).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
home=${REAL_HOME:-$root/build/real}/kafka
kafka_version=${KAFKA_VERSION:-4.3.1}
port=${KAFKA_PORT:-29192}
controller_port=$((port + 1))
sasl_port=$((port + 2))
lib=$home/lib-$kafka_version
at=$home/$port  # the broker's own folder
pid_file=$at/broker.pid

install() {
  [ -f "$lib/.done" ] && return 0
  mkdir -p "$home/pom"
  cat >"$home/pom/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>millrace.tests</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka_version</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$kafka_version</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
POM
  mvn -B -q -f "$home/pom/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$lib"
  touch "$lib/.done"
}

running() { [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; }

configure() {
  mkdir -p "$at"
  cat >"$at/broker.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port,SASL_PLAINTEXT://127.0.0.1:$sasl_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SASL_PLAINTEXT://127.0.0.1:$sasl_port
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_millrace="right";
log.dirs=$at/data
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
transaction.max.timeout.ms=600000
CONF
  [ -f "$at/data/meta.properties" ] && return 0
  java -Xmx256m -cp "$lib/*" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c "$at/broker.properties" \
    --standalone >"$at/format.log" 2>&1 || { cat "$at/format.log"; exit 1; }
}

start() {
  install
  running && return 0
  [ -z "${FRESH:-}" ] || rm -rf "$at/data"
  configure
  setsid java -Xms512m -Xmx512m -XX:+UseG1GC -cp "$lib/*" kafka.Kafka "$at/broker.properties" \
    >"$at/broker.log" 2>&1 </dev/null &
  echo $! >"$pid_file"
  for _ in $(seq 600); do
    grep -q 'Kafka Server started' "$at/broker.log" && return 0
    running || { tail -30 "$at/broker.log"; exit 1; }
    sleep 0.2
  done
  echo "the broker did not start within 120 s: $at/broker.log"
  exit 1
}

end() {
  running || return 0
  local pid
  pid=$(cat "$pid_file")
  kill "-$1" "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  rm -f "$pid_file"
}

case ${1:-} in
  install) install ;;
  start) start ;;
  stop) end TERM ;;
  kill) end KILL ;;
  servers) echo "127.0.0.1:$port" ;;
  *) sed -n '2,10p' "$0"; exit 2 ;;
esac
