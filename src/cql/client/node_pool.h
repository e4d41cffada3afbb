// NodePool: the connections to the nodes of the local data center, kept up in the background.
//
// Thread contract: every function from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cql/client/connection.h"
#include "cql/client/topology.h"

namespace millrace::cql {

class NodePool {
 public:
  // `first`: connected already, to the node that told `topology`.
  NodePool(const ClientOptions& options, Topology topology, std::unique_ptr<Connection> first);
  ~NodePool();
  NodePool(const NodePool&) = delete;
  NodePool& operator=(const NodePool&) = delete;

  // An open connection, of a node that owns `token` if one is up; nullptr: none is up. The caller
  // looks again later; why() says what keeps them away.
  std::shared_ptr<Connection> Pick(std::optional<int64_t> token);
  Error why() const;
  std::string release_version() const;
  uint64_t connections_made() const { return connections_made_; }

 private:
  struct Member {
    ClusterNode node;
    std::vector<std::shared_ptr<Connection>> connections{};
    size_t turn = 0;
    int64_t retry_at_ns = 0;
    int64_t retry_delay_ns = 0;
  };

  void Run();
  void Restore();
  void ReadAgain();
  void Adopt(const std::shared_ptr<Connection>& connection);
  std::shared_ptr<Connection> PickOf(Member& member);

  const ClientOptions options_;
  std::atomic<bool> stale_ = false;  // the cluster said that its nodes changed
  std::atomic<uint64_t> connections_made_ = 1;

  mutable std::mutex mutex_;  // of what follows
  Topology topology_;
  std::vector<Member> members_;  // as topology_.nodes
  size_t turn_ = 0;
  Error why_;
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace millrace::cql
