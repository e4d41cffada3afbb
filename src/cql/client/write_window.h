// WriteWindow: one Write under way: a bounded number of requests sent, the rest waiting, failed
// ones repeated. Within src/cql/client only.
//
// Thread contract: Run on the caller's thread, which does all work but noting what came.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "cql/client/client.h"
#include "cql/client/node_pool.h"

namespace millrace::cql {

struct SharedCounters {
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> retries = 0;
};

class WriteWindow {
 public:
  WriteWindow(NodePool& pool, const ClientOptions& options, SharedCounters& counters,
              std::span<const WriteRequest> requests)
      : pool_(pool), options_(options), counters_(counters), requests_(requests) {}

  Status Run();

 private:
  // What came of one request. Shared with the handlers: a late one finds it even when the window is
  // gone.
  struct Outcome {
    size_t request = 0;
    // Weak: a handler must not be the last to hold the connection whose thread it runs on.
    std::weak_ptr<Connection> connection{};
    std::optional<Error> error{};
    bool may_pass = false;
    bool unprepared = false;
  };
  struct Inbox {
    std::mutex mutex;
    std::condition_variable came;
    std::vector<Outcome> outcomes;
  };
  struct Retry {
    size_t request = 0;
    int64_t at_ns = 0;
  };

  Status SendDue();
  Status SendOne(size_t request);
  Status SendOn(const std::shared_ptr<Connection>& connection, size_t request);
  Status Take(Outcome& outcome);
  Status Again(size_t request, const Error& why);
  Status PrepareOn(Connection& connection, const PreparedStatement& statement);
  static void Note(Inbox& inbox, Outcome outcome, const Result<wire::Frame>& frame,
                   const std::string& host, const ClientOptions& options);

  NodePool& pool_;
  const ClientOptions& options_;
  SharedCounters& counters_;
  const std::span<const WriteRequest> requests_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  size_t next_ = 0;
  size_t under_way_ = 0;
  std::deque<Retry> retries_;     // by time
  int64_t failing_since_ns_ = 0;  // 0: the last answer was good
  int64_t pause_ns_ = 0;
  std::vector<wire::BatchStatement> statements_;
};

}  // namespace millrace::cql
