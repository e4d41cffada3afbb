// What connects to a Kafka cluster, as the project file says it (profiles.*.kafka). Values only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/secret.h"

namespace millrace::kafka {

struct TlsSettings {
  bool enabled = false;
  std::string ca_file;           // PEM; empty: the system's
  std::string certificate_file;  // PEM, of the client; empty: none
  std::string key_file;
  bool verify_host = true;
};

enum class SaslMechanism : uint8_t { kNone, kPlain, kScramSha256, kScramSha512 };

struct SaslSettings {
  SaslMechanism mechanism = SaslMechanism::kNone;
  std::string user;
  Secret password;
};

struct ClientSettings {
  std::string bootstrap_servers;  // "host:port,host:port"
  TlsSettings tls;
  SaslSettings sasl;
  // Part of transactional ids, consumer groups and the names of internal topics: two projects on
  // one cluster do not meet.
  std::string project;
  int replication = 0;  // of topics that are made; 0: the broker's default
  // A transaction that a dead process left open holds readers back no longer than this.
  std::chrono::milliseconds transaction_timeout{8000};
  // A transaction is kept in memory until it commits, up to so many bytes.
  uint64_t transaction_bytes_max = uint64_t{256} << 20;
  // Read ahead by one reader of a topic, all its partitions together.
  uint64_t prefetch_bytes = uint64_t{16} << 20;
  // How long to wait for an answer before an operation fails with kUnavailable.
  std::chrono::milliseconds answer_timeout{5000};
  std::chrono::milliseconds commit_timeout{30000};
  // Where the settings stand, for errors: "profiles.cluster.kafka".
  std::string place = "kafka";
};

}  // namespace millrace::kafka
