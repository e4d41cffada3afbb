#include "cql/client/node_pool.h"

#include <algorithm>

#include "base/logging.h"
#include "io/clock.h"

namespace millrace::cql {
namespace {

constexpr std::chrono::milliseconds kTick(100);
constexpr int64_t kRetryFirstNs = 100'000'000;
constexpr int64_t kRetryMostNs = 5'000'000'000;
constexpr size_t kReplicasTried = 3;

}  // namespace

NodePool::NodePool(const ClientOptions& options, Topology topology,
                   std::unique_ptr<Connection> first)
    : options_(options), topology_(std::move(topology)) {
  for (const ClusterNode& node : topology_.nodes) members_.push_back({.node = node});
  why_ = {ErrorCode::kUnavailable, "no node is connected yet", {}};
  const std::shared_ptr<Connection> shared(std::move(first));
  Adopt(shared);
  for (Member& member : members_) {
    if (member.node.host == shared->host()) member.connections.push_back(shared);
  }
  thread_ = std::thread([this] { Run(); });
}

NodePool::~NodePool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::shared_ptr<Connection> NodePool::PickOf(Member& member) {
  for (size_t i = 0; i < member.connections.size(); ++i) {
    const auto& connection = member.connections[member.turn++ % member.connections.size()];
    if (!connection->closed()) return connection;
  }
  return nullptr;
}

std::shared_ptr<Connection> NodePool::Pick(std::optional<int64_t> token) {
  const std::lock_guard lock(mutex_);
  if (token && members_.size() > 1) {
    for (const size_t owner : topology_.NodesOf(*token, kReplicasTried)) {
      if (auto connection = PickOf(members_[owner])) return connection;
    }
  }
  for (size_t i = 0; i < members_.size(); ++i) {
    if (auto connection = PickOf(members_[turn_++ % members_.size()])) return connection;
  }
  return nullptr;
}

Error NodePool::why() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

std::string NodePool::release_version() const {
  const std::lock_guard lock(mutex_);
  return topology_.release_version;
}

// The cluster tells a connection when nodes come and go.
void NodePool::Adopt(const std::shared_ptr<Connection>& connection) {
  connection->OnEvent([this](const wire::EventResponse& event) {
    if (event.type == "TOPOLOGY_CHANGE") stale_ = true;
  });
  const Status asked =
      connection->Send(wire::RegisterRequest{{"TOPOLOGY_CHANGE"}}, [](Result<wire::Frame>) {});
  if (!asked) stale_ = true;
}

void NodePool::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    if (stale_.exchange(false)) ReadAgain();
    Restore();
    lock.lock();
    if (!stopping_) wake_.wait_for(lock, kTick);
  }
}

// Makes the connections that are missing, one node after the other.
void NodePool::Restore() {
  const int64_t now = io::SystemClock().MonotonicNs();
  std::vector<std::string> hosts;
  {
    const std::lock_guard lock(mutex_);
    for (Member& member : members_) {
      std::erase_if(member.connections,
                    [](const auto& connection) { return connection->closed(); });
      const auto wanted = static_cast<size_t>(options_.connections_per_node);
      if (member.connections.size() < wanted && now >= member.retry_at_ns)
        hosts.push_back(member.node.host);
    }
  }
  for (const std::string& host : hosts) {
    auto opened = Connection::Open(host, options_);
    std::shared_ptr<Connection> connection;
    if (opened) {
      connection = std::move(*opened);
      ++connections_made_;
      Adopt(connection);
    }
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    const auto member = std::ranges::find_if(
        members_, [&](const Member& known) { return known.node.host == host; });
    if (member == members_.end()) continue;
    if (opened) {
      if (member->retry_delay_ns > 0) logging::Info("cassandra.node_is_back", {{"node", host}});
      member->retry_delay_ns = 0;
      member->connections.push_back(std::move(connection));
      continue;
    }
    why_ = opened.error();
    member->retry_delay_ns = std::clamp(member->retry_delay_ns * 2, kRetryFirstNs, kRetryMostNs);
    member->retry_at_ns = io::SystemClock().MonotonicNs() + member->retry_delay_ns;
    logging::Warning("cassandra.node_is_away", {{"node", host}, {"error", why_.ToString()}});
  }
}

void NodePool::ReadAgain() {
  const auto connection = Pick(std::nullopt);
  if (connection == nullptr) return;
  auto topology = ReadTopology(*connection, options_);
  if (!topology) {
    logging::Warning("cassandra.topology_not_read", {{"error", topology.error().ToString()}});
    return;
  }
  const std::lock_guard lock(mutex_);
  std::vector<Member> members;
  for (const ClusterNode& node : topology->nodes) {
    Member& member = members.emplace_back();
    for (Member& known : members_) {
      if (known.node.host == node.host) member = std::move(known);
    }
    member.node = node;
  }
  members_ = std::move(members);
  topology_ = std::move(*topology);
}

}  // namespace millrace::cql
