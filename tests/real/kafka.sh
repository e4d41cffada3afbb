#!/usr/bin/env bash
# A real Kafka broker on loopback, for the tests that need one: Kafka 4 with KRaft, or (KAFKA_VERSION=3.9.2) Kafka 3 with
# ZooKeeper. Needs Java 17 and Maven; the jars come from Maven Central in exactly the versions named here.
#
#   tests/real/kafka.sh install         fetches the jars once
#   tests/real/kafka.sh start           starts the broker and returns when it serves; FRESH=1 begins without topics
#   tests/real/kafka.sh stop | kill     SIGTERM | SIGKILL of the broker, and waits for its end; stop also ends ZooKeeper
#
# Everything is kept in $REAL_HOME (default: build/real). Ports: $KAFKA_PORT and the next two (controller or ZooKeeper, SASL).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
home=${REAL_HOME:-$root/build/real}/kafka
kafka_version=${KAFKA_VERSION:-4.3.1}
zookeeper_version=3.8.4
port=${KAFKA_PORT:-29192}
second_port=$((port + 1))
sasl_port=$((port + 2))
lib=$home/lib-$kafka_version
at=$home/$port # the broker's own folder

with_zookeeper() { [[ $kafka_version == 3.* ]]; }

# dependency GROUP:ARTIFACT:VERSION [excluded GROUP:ARTIFACT]...
dependency() {
  local group artifact version exclusion
  IFS=: read -r group artifact version <<<"$1"
  echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version><exclusions>"
  for exclusion in "${@:2}"; do
    echo "<exclusion><groupId>${exclusion%:*}</groupId><artifactId>${exclusion#*:}</artifactId></exclusion>"
  done
  echo "</exclusions></dependency>"
}

install() {
  [ -f "$lib/.done" ] && return 0
  mkdir -p "$home/pom-$kafka_version"
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>millrace.tests</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>'
    dependency "org.apache.kafka:kafka_2.13:$kafka_version"
    dependency "org.apache.kafka:kafka-tools:$kafka_version"
    if with_zookeeper; then
      dependency "org.apache.zookeeper:zookeeper:$zookeeper_version" ch.qos.logback:logback-classic ch.qos.logback:logback-core
    else
      dependency org.slf4j:slf4j-simple:1.7.36
    fi
    echo '</dependencies></project>'
  } >"$home/pom-$kafka_version/pom.xml"
  mvn -B -q -f "$home/pom-$kafka_version/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$lib"
  touch "$lib/.done"
}

running() { [ -f "$at/$1.pid" ] && kill -0 "$(cat "$at/$1.pid")" 2>/dev/null; }

# launch NAME PATTERN COMMAND...: in a session of its own; returns when its log holds PATTERN.
launch() {
  local name=$1 pattern=$2
  shift 2
  setsid "$@" >"$at/$name.log" 2>&1 </dev/null &
  echo $! >"$at/$name.pid"
  for _ in $(seq 600); do
    grep -q "$pattern" "$at/$name.log" && return 0
    running "$name" || { tail -30 "$at/$name.log"; exit 1; }
    sleep 0.2
  done
  echo "$name did not start within 120 s: $at/$name.log"
  exit 1
}

configure() {
  cat >"$at/broker.properties" <<CONF
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_millrace="right";
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SASL_PLAINTEXT://127.0.0.1:$sasl_port
inter.broker.listener.name=PLAINTEXT
log.dirs=$at/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
transaction.max.timeout.ms=600000
CONF
  if with_zookeeper; then
    cat >>"$at/broker.properties" <<CONF
broker.id=1
zookeeper.connect=127.0.0.1:$second_port
zookeeper.session.timeout.ms=6000
listeners=PLAINTEXT://127.0.0.1:$port,SASL_PLAINTEXT://127.0.0.1:$sasl_port
CONF
    printf 'dataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n' \
      "$at/zookeeper" "$second_port" >"$at/zookeeper.cfg"
    printf 'log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n%s\n%s\n' \
      'log4j.appender.out.layout=org.apache.log4j.PatternLayout' 'log4j.appender.out.layout.ConversionPattern=%d %p %m%n' \
      >"$at/log4j.properties"
    return 0
  fi
  cat >>"$at/broker.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$second_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$second_port,SASL_PLAINTEXT://127.0.0.1:$sasl_port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
CONF
  [ -f "$at/data/meta.properties" ] && return 0
  java -Xmx256m -cp "$lib/*" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c "$at/broker.properties" \
    --standalone >"$at/format.log" 2>&1 || { cat "$at/format.log"; exit 1; }
}

start() {
  install
  running broker && return 0
  if [ -n "${FRESH:-}" ]; then
    end TERM zookeeper
    rm -rf "$at"
  fi
  mkdir -p "$at"
  configure
  local java=(java -Xms512m -Xmx512m -XX:+UseG1GC)
  if with_zookeeper; then
    java+=("-Dlog4j.configuration=file:$at/log4j.properties")
    running zookeeper || launch zookeeper 'binding to port' "${java[@]}" -cp "$lib/*" \
      org.apache.zookeeper.server.quorum.QuorumPeerMain "$at/zookeeper.cfg"
  fi
  launch broker 'Kafka Server started\|KafkaServer id=1\] started' "${java[@]}" -cp "$lib/*" kafka.Kafka "$at/broker.properties"
}

# end SIGNAL NAME
end() {
  running "$2" || return 0
  local pid
  pid=$(cat "$at/$2.pid")
  kill "-$1" "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  rm -f "$at/$2.pid"
  # ZooKeeper takes a dead broker for alive until its session has ended, and refuses the next one.
  if [ "$1" = KILL ] && with_zookeeper; then sleep 7; fi
}

case ${1:-} in
  install) install ;;
  start) start ;;
  stop) end TERM broker; end TERM zookeeper ;;
  kill) end KILL broker ;;
  *) sed -n '2,10p' "$0"; exit 2 ;;
esac
