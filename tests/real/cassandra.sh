#!/usr/bin/env bash
# A real Cassandra on loopback, from Maven Central, without containers.
#
#   tests/real/cassandra.sh install | start | stop | kill | wipe
#
# Environment, with what it is without it:
#   MILLRACE_REAL       build/real   where jars, data, logs and the process id are
#   CASSANDRA_VERSION   5.0.9
#   CASSANDRA_PORT      29142        clients; the node's own ports are the next two
#   CASSANDRA_HEAP      1G
#   CASSANDRA_PASSWORDS              1: users log in (cassandra/cassandra to begin with)
#   CASSANDRA_TLS                    1: clients must speak TLS; the certificate is $MILLRACE_REAL/tls/ca.pem
# Needs a JDK 17 and Maven (Debian: openjdk-17-jdk-headless maven); TLS also openssl.
set -euo pipefail

root=${MILLRACE_REAL:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/real}
version=${CASSANDRA_VERSION:-5.0.9}
port=${CASSANDRA_PORT:-29142}
heap=${CASSANDRA_HEAP:-1G}
name=cassandra-$port
jars=$root/lib/cassandra-$version
data=$root/data/$name
conf=$root/conf/$name
log=$root/logs/$name.log
pid_file=$root/run/$name.pid

alive() { [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; }

install_jars() {
  [ -f "$jars/.done" ] && return
  for tool in java mvn; do
    command -v "$tool" >/dev/null || { echo "cassandra.sh: no $tool; apt-get install openjdk-17-jdk-headless maven" >&2; exit 2; }
  done
  mkdir -p "$jars" "$root/poms"
  local pom=$root/poms/cassandra-$version.xml
  cat >"$pom" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace.real</groupId><artifactId>cassandra</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>$version</version>
  </dependency></dependencies>
</project>
POM
  mvn -B -q -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$jars"
  touch "$jars/.done"
  echo "cassandra $version: $(find "$jars" -name '*.jar' | wc -l) jars"
}

make_certificate() {
  local tls=$root/tls
  [ -f "$tls/server.p12" ] && return
  mkdir -p "$tls"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=millrace-test-ca \
    -keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$tls/server.key" -out "$tls/server.csr" 2>/dev/null
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$tls/server.ext"
  openssl x509 -req -days 3650 -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial \
    -extfile "$tls/server.ext" -out "$tls/server.pem" 2>/dev/null
  openssl pkcs12 -export -inkey "$tls/server.key" -in "$tls/server.pem" -certfile "$tls/ca.pem" \
    -passout pass:millrace -out "$tls/server.p12"
}

write_configuration() {
  mkdir -p "$conf" "$data" "$root/logs" "$root/run"
  local authenticator=AllowAllAuthenticator authorizer=AllowAllAuthorizer
  [ -n "${CASSANDRA_PASSWORDS:-}" ] && authenticator=PasswordAuthenticator authorizer=CassandraAuthorizer
  cat >"$conf/cassandra.yaml" <<YAML
cluster_name: millrace
num_tokens: 16
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: [$data/data]
commitlog_directory: $data/commitlog
saved_caches_directory: $data/saved_caches
hints_directory: $data/hints
cdc_raw_directory: $data/cdc_raw
commitlog_sync: periodic
commitlog_sync_period: 10000ms
commitlog_segment_size: 32MiB
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{seeds: "127.0.0.1:$((port + 1))"}]
storage_port: $((port + 1))
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
native_transport_port: $port
start_native_transport: true
endpoint_snitch: SimpleSnitch
authenticator: $authenticator
authorizer: $authorizer
role_manager: CassandraRoleManager
YAML
  case $version in 5.*) echo 'storage_compatibility_mode: NONE' >>"$conf/cassandra.yaml" ;; esac
  if [ -n "${CASSANDRA_TLS:-}" ]; then
    make_certificate
    cat >>"$conf/cassandra.yaml" <<YAML
client_encryption_options:
  enabled: true
  optional: false
  keystore: $root/tls/server.p12
  keystore_password: millrace
  store_type: PKCS12
  require_client_auth: false
YAML
  fi
  cat >"$conf/logback.xml" <<'XML'
<configuration><appender name="O" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="O"/></root></configuration>
XML
}

java_options() {
  local module
  for module in java.base/jdk.internal.misc java.management.rmi/com.sun.jmx.remote.internal.rmi \
    java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql java.base/java.lang.ref \
    jdk.unsupported/sun.misc jdk.compiler/com.sun.tools.javac.file jdk.attach/sun.tools.attach; do
    printf '%s\n' --add-exports "$module=ALL-UNNAMED"
  done
  for module in java.lang.module jdk.internal.loader jdk.internal.ref jdk.internal.reflect jdk.internal.math \
    jdk.internal.module jdk.internal.util.jar sun.nio.ch java.io java.lang.reflect java.lang java.util \
    java.util.concurrent java.util.concurrent.atomic java.nio java.net java.math; do
    printf '%s\n' --add-opens "java.base/$module=ALL-UNNAMED"
  done
  printf '%s\n' --add-opens jdk.management/com.sun.management.internal=ALL-UNNAMED \
    --add-opens jdk.compiler/com.sun.tools.javac=ALL-UNNAMED -Djdk.attach.allowAttachSelf=true \
    -Dio.netty.tryReflectionSetAccessible=true "-Xms$heap" "-Xmx$heap" -Xss256k -XX:+UseG1GC \
    -Djava.net.preferIPv4Stack=true -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0 \
    "-javaagent:$(ls "$jars"/jamm-*.jar)" "-Dcassandra.config=file://$conf/cassandra.yaml" \
    "-Dlogback.configurationFile=$conf/logback.xml" "-Dcassandra.storagedir=$data" "-Dcassandra.logdir=$root/logs" \
    -Dcassandra-foreground=yes "-Dcassandra.jmx.local.port=$((port + 2))" "-Dcassandra.triggers_dir=$data/triggers" \
    "-Djava.io.tmpdir=$data" -cp "$conf:$jars/*" org.apache.cassandra.service.CassandraDaemon
}

start() {
  install_jars
  alive && { echo "$name runs"; return; }
  write_configuration
  mapfile -t options < <(java_options)
  : >"$log"
  setsid java "${options[@]}" >>"$log" 2>&1 </dev/null &
  echo $! >"$pid_file"
  for _ in $(seq 1800); do
    grep -q 'Starting listening for CQL clients' "$log" && { echo "$name is ready on 127.0.0.1:$port"; return; }
    alive || { echo "$name ended:" >&2; tail -20 "$log" >&2; exit 1; }
    sleep 0.1
  done
  echo "$name is not ready after 180 s, see $log" >&2
  exit 1
}

stop() { # stop SIGNAL
  alive || { rm -f "$pid_file"; return; }
  local pid
  pid=$(cat "$pid_file")
  kill "-$1" "$pid"
  for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -0 "$pid" 2>/dev/null && kill -KILL "$pid"
  rm -f "$pid_file"
}

case ${1:-} in
  install) install_jars ;;
  start) start ;;
  stop) stop TERM ;;
  kill) stop KILL ;;
  wipe) stop KILL; rm -rf "$data" ;;
  *) sed -n '2,13p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac
