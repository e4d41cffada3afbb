// Connection: one connection to one node, with many requests under way at once.
//
//   MR_ASSIGN(auto connection, Connection::Open({.host = "127.0.0.1"}, options));
//   MR_TRY(connection->Send(wire::QueryRequest{...}, [](Result<wire::Frame> answer) { ... }));
//   MR_ASSIGN(const Answer answer, connection->Call(wire::QueryRequest{...}));
//
// Opening negotiates the version (5, then 4), logs in, and starts the connection's thread, which
// alone reads and writes.
//
// Invariants
//   1. Every handler is called once: with its answer, or with kTimeout or kUnavailable.
//   2. The stream id of a request that was given up is not used again before its answer came; when
//   too many are missing, the connection is closed.
//
// Thread contract: every function from any thread. Handlers run on the connection's thread; they
// are short, and may call Send.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cql/client/options.h"
#include "cql/wire/frame_stream.h"
#include "cql/wire/request.h"
#include "cql/wire/response.h"

namespace millrace::cql {

// An answer that outlives its connection: its bytes, and the response that points into them.
struct Answer {
  std::unique_ptr<std::string> body;
  wire::Response response;

  // The rows of a RESULT; nullptr for any other answer.
  const wire::RowsResult* rows() const;
};
// A handler's frame, copied and decoded.
Result<Answer> ToAnswer(const Result<wire::Frame>& frame);

class Connection {
 public:
  using Handler = std::function<void(Result<wire::Frame>)>;

  // kUnavailable, kTimeout: may go through later. kInvalidArgument: wrong user or password, or a
  // file of TLS; kUnsupported: neither v5 nor v4 is spoken there. Each names address, setting and
  // cure.
  static Result<std::unique_ptr<Connection>> Open(const std::string& host,
                                                  const ClientOptions& options);
  // Ends what is under way with kUnavailable.
  ~Connection();

  const std::string& host() const { return host_; }
  uint8_t version() const { return version_; }
  bool closed() const { return closed_.load(std::memory_order_acquire); }

  // Fails (without calling `handler`) when the connection is closed or has no stream id left.
  Status Send(const wire::Request& request, Handler handler);
  // Waits for the answer. An ERROR is an answer.
  Result<Answer> Call(const wire::Request& request);
  // Called with every EVENT, on the connection's thread. Before REGISTER is sent.
  void OnEvent(std::function<void(const wire::EventResponse&)> handler);

 private:
  friend class Handshake;
  struct Pending {
    Handler handler;  // empty: given up
    int64_t deadline_ns = 0;
  };

  Connection(std::string host, const ClientOptions& options)
      : host_(std::move(host)), options_(options), decoder_({}) {}
  void Run();
  Status Exchange();
  Status ReadSome();
  void Dispatch(const wire::Frame& frame);
  Status GiveUpLate();
  void Close(const Error& why);

  const std::string host_;
  const ClientOptions options_;
  uint8_t version_ = wire::kVersionMost;
  std::unique_ptr<io::StreamSocket> socket_;
  wire::FrameDecoder decoder_;
  wire::FrameEncoder encoder_;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> waits_ = false;  // the thread sleeps, or is about to

  std::mutex mutex_;
  std::string queued_;                            // frames to be sent
  std::unordered_map<int16_t, Pending> pending_;  // by stream id
  std::vector<int16_t> free_streams_;
  int16_t streams_made_ = 0;
  size_t given_up_ = 0;
  std::function<void(const wire::EventResponse&)> on_event_;

  // The thread's own.
  std::string sending_;
  std::string out_;
  size_t out_at_ = 0;
  std::vector<char> in_;
  int64_t looked_for_late_ns_ = 0;
  std::thread thread_;
};

// An ERROR as ours: which node said what, and what may help.
Error ToError(const wire::ErrorResponse& error, const std::string& host,
              const ClientOptions& options);
// Whether an error may pass, so that an idempotent request is worth repeating.
bool MayPass(const wire::ErrorResponse& error);

}  // namespace millrace::cql
