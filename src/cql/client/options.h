// ClientOptions: where a cluster is and how it is spoken to. Errors name settings by the names
// here, behind `settings` ("cassandra.port").
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "cql/wire/protocol.h"
#include "cql/wire/segment.h"
#include "io/stream_socket.h"

namespace millrace::cql {

struct ClientOptions {
  std::string settings = "cassandra";
  std::vector<std::string> contact_points{"127.0.0.1"};
  uint16_t port = 9042;  // of every node
  std::string user{};    // empty: no login
  Secret password{};
  std::optional<io::TlsClientOptions> tls{};
  // Nodes of this data center are used; empty: of the one the first node is in.
  std::string local_datacenter{};
  wire::Consistency consistency = wire::Consistency::kLocalQuorum;
  wire::Compression compression = wire::Compression::kNone;
  uint8_t version_most = wire::kVersionMost;  // of the protocol; tried first
  int connections_per_node = 1;
  size_t in_flight_max = 256;  // requests of one Write that are under way at once
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds request_timeout{10000};
  // How long a request is repeated while nodes are away or overloaded before it fails.
  std::chrono::milliseconds retry_timeout{60000};
};

}  // namespace millrace::cql
