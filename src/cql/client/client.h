// Client: a real Cassandra (4.0 or later), or whatever speaks its protocol.
//
//   MR_ASSIGN(auto client, Client::Open({.contact_points = {"10.0.0.1"}, .user = "app", ...}));
//   MR_ASSIGN(auto insert, client->Prepare("INSERT INTO ks.t (k) VALUES (?) USING TIMESTAMP ?"));
//   MR_TRY(client->Write(requests));           // when it returns, the cluster has acknowledged all
//   MR_ASSIGN(Answer page, client->Query("SELECT ... FROM ks.t", {.page_rows = 1000}));
//
// Requests go to a node that owns their token, else to any other that is up. Statements must be
// idempotent: whatever may pass (time-outs, too few replicas, overload, a lost connection) is
// repeated with growing pauses for up to `retry_timeout`. Nodes that are away are tried again in
// the background for as long as the client lives.
//
// Thread contract: every function from any thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cql/client/connection.h"
#include "cql/client/options.h"

namespace millrace::cql {

// A statement that the cluster knows by an id. Nodes that forgot it are told again.
struct PreparedStatement {
  std::string text;
  std::string id;
  std::string result_metadata_id;  // v5
  std::vector<wire::ColumnSpec> variables;
  std::vector<wire::ColumnSpec> columns;  // of its result
};
using PreparedPtr = std::shared_ptr<const PreparedStatement>;

// Rows of one partition: one EXECUTE, or an unlogged BATCH of several. What is pointed to outlives
// the Write.
struct WriteRequest {
  const PreparedStatement* statement = nullptr;
  int64_t token = 0;
  std::span<const std::string_view> rows;  // each: the variables' encoded [value]s
};

struct ReadParameters {
  int32_t page_rows = 5000;
  std::string_view paging_state{};
  std::optional<int64_t> token{};  // of the partition that is read
  uint16_t value_count = 0;
  std::string_view values{};  // encoded; Execute only
};

struct ClientCounters {
  uint64_t requests = 0;
  uint64_t retries = 0;
  uint64_t connections_made = 0;
};

class Client {
 public:
  // Reaches one of the contact points and reads the cluster's topology. The errors of
  // Connection::Open; when several contact points fail, the last one's.
  static Result<std::unique_ptr<Client>> Open(ClientOptions options);
  virtual ~Client() = default;

  virtual const ClientOptions& options() const = 0;
  virtual std::string release_version() const = 0;

  virtual Result<PreparedPtr> Prepare(std::string_view text) = 0;
  // Keeps at most `in_flight_max` requests under way. The first error that does not pass ends it:
  // which of the other requests were done is then unknown.
  virtual Status Write(std::span<const WriteRequest> requests) = 0;
  // One statement and its answer (a page of it), which is never an ERROR. Also for DDL that is
  // idempotent (IF NOT EXISTS).
  virtual Result<Answer> Query(std::string_view text, const ReadParameters& parameters = {}) = 0;
  virtual Result<Answer> Execute(const PreparedStatement& statement,
                                 const ReadParameters& parameters) = 0;
  // As many at once as may be under way; the answers in the order of `reads`.
  virtual Result<std::vector<Answer>> ExecuteMany(const PreparedStatement& statement,
                                                  std::span<const ReadParameters> reads) = 0;
  virtual ClientCounters counters() const = 0;
};

}  // namespace millrace::cql
