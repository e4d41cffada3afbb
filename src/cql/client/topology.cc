#include "cql/client/topology.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "cql/client/row_values.h"

namespace millrace::cql {
namespace {

constexpr std::string_view kLocal =
    "SELECT data_center, release_version, partitioner, tokens FROM system.local WHERE key='local'";
constexpr std::string_view kPeers =
    "SELECT peer, rpc_address, data_center, tokens FROM system.peers";

Result<std::vector<int64_t>> TokensOf(const data::Value& value) {
  std::vector<int64_t> tokens;
  if (value.is_null()) return tokens;
  for (const data::Value& item : value.list()) {
    const std::string& text = item.string();
    int64_t token = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), token);
    if (error != std::errc() || end != text.data() + text.size())
      return Fail(ErrorCode::kUnsupported, "a node has the token '{}', which is no number", text);
    tokens.push_back(token);
  }
  return tokens;
}

std::string TextOf(const data::Value& value) { return value.is_null() ? "" : value.string(); }

Result<std::vector<data::Value::List>> RowsOf(Connection& connection, std::string_view text,
                                              const ClientOptions& options) {
  MR_ASSIGN(const Answer answer,
            connection.Call(wire::QueryRequest{text, {.consistency = wire::Consistency::kOne}}));
  if (const auto* error = std::get_if<wire::ErrorResponse>(&answer.response))
    return std::unexpected(ToError(*error, connection.host(), options));
  if (answer.rows() == nullptr)
    return Fail(ErrorCode::kDamaged, "node {} answers a SELECT without rows", connection.host());
  return DecodeRows(*answer.rows(), answer.rows()->metadata.columns);
}

}  // namespace

void Topology::MakeRing() {
  ring.clear();
  for (size_t node = 0; node < nodes.size(); ++node) {
    for (const int64_t token : nodes[node].tokens) ring.emplace_back(token, node);
  }
  std::ranges::sort(ring);
}

std::vector<size_t> Topology::NodesOf(int64_t token, size_t most) const {
  std::vector<size_t> found;
  // A node owns the tokens from its predecessor's, exclusive, to its own.
  auto at = std::lower_bound(ring.begin(), ring.end(), std::pair<int64_t, size_t>(token, 0));
  for (size_t i = 0; i < ring.size() && found.size() < most; ++i, ++at) {
    if (at == ring.end()) at = ring.begin();
    if (std::ranges::find(found, at->second) == found.end()) found.push_back(at->second);
  }
  return found;
}

Result<Topology> ReadTopology(Connection& connection, const ClientOptions& options) {
  Topology topology;
  MR_ASSIGN(const auto local, RowsOf(connection, kLocal, options));
  if (local.size() != 1)
    return Fail(ErrorCode::kDamaged, "node {}: system.local has {} rows", connection.host(),
                local.size());
  const std::string partitioner = TextOf(local[0][2]);
  if (!partitioner.ends_with("Murmur3Partitioner"))
    return Fail(ErrorCode::kUnsupported, "the cluster of {} has {}; Murmur3Partitioner is needed",
                connection.host(), partitioner);
  topology.release_version = TextOf(local[0][1]);
  std::vector<ClusterNode> all;
  MR_ASSIGN(auto tokens, TokensOf(local[0][3]));
  all.push_back({connection.host(), TextOf(local[0][0]), std::move(tokens)});
  MR_ASSIGN(const auto peers, RowsOf(connection, kPeers, options));
  for (const data::Value::List& peer : peers) {
    std::string host = TextOf(peer[1]);
    if (host.empty() || host == "0.0.0.0" || host == "::") host = TextOf(peer[0]);
    MR_ASSIGN(auto peer_tokens, TokensOf(peer[3]));
    all.push_back({std::move(host), TextOf(peer[2]), std::move(peer_tokens)});
  }
  topology.datacenter =
      options.local_datacenter.empty() ? all[0].datacenter : options.local_datacenter;
  std::set<std::string> known;
  for (ClusterNode& node : all) {
    known.insert(node.datacenter);
    if (node.datacenter == topology.datacenter) topology.nodes.push_back(std::move(node));
  }
  if (topology.nodes.empty()) {
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("{}.local_datacenter: the cluster has no data center \"{}\"",
                          options.settings, topology.datacenter),
              fmt::format("it has {}", fmt::join(known, ", "))});
  }
  topology.MakeRing();
  return topology;
}

}  // namespace millrace::cql
