// Topology: the nodes of a cluster and which of them own a token, as system.local and system.peers
// tell it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cql/client/connection.h"

namespace millrace::cql {

struct ClusterNode {
  std::string host;
  std::string datacenter;
  std::vector<int64_t> tokens;
};

struct Topology {
  std::vector<ClusterNode> nodes;  // of the local data center only, the one that was asked first
  std::string datacenter;
  std::string release_version;
  std::vector<std::pair<int64_t, size_t>> ring;  // token -> node, by token

  // Sorts `ring` out of the nodes' tokens.
  void MakeRing();
  // Up to `most` nodes to ask for a token, the best first: its owner among the local nodes (a
  // replica under every replication strategy), then the owners of the tokens behind it.
  std::vector<size_t> NodesOf(int64_t token, size_t most) const;
};

// kUnsupported: the cluster has another partitioner; kInvalidArgument: `local_datacenter` of the
// options is none of it.
Result<Topology> ReadTopology(Connection& connection, const ClientOptions& options);

}  // namespace millrace::cql
