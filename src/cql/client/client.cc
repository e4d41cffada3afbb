#include "cql/client/client.h"

#include <map>

#include "cql/client/node_pool.h"
#include "cql/client/write_window.h"
#include "io/clock.h"

namespace millrace::cql {
namespace {

constexpr int64_t kPauseFirstNs = 10'000'000;
constexpr int64_t kPauseMostNs = 1'000'000'000;

class ClientImpl final : public Client {
 public:
  ClientImpl(ClientOptions options, Topology topology, std::unique_ptr<Connection> first)
      : options_(std::move(options)), pool_(options_, std::move(topology), std::move(first)) {}

  const ClientOptions& options() const override { return options_; }
  std::string release_version() const override { return pool_.release_version(); }
  ClientCounters counters() const override {
    return {counters_.requests, counters_.retries, pool_.connections_made()};
  }

  Status Write(std::span<const WriteRequest> requests) override {
    return WriteWindow(pool_, options_, counters_, requests).Run();
  }

  Result<PreparedPtr> Prepare(std::string_view text) override {
    {
      const std::lock_guard lock(mutex_);
      const auto known = prepared_.find(text);
      if (known != prepared_.end()) return known->second;
    }
    MR_ASSIGN(const Answer answer, Ask(wire::PrepareRequest{text}, std::nullopt, nullptr));
    const auto* result = std::get_if<wire::ResultBody>(&answer.response);
    const auto* told = result == nullptr ? nullptr : std::get_if<wire::PreparedResult>(result);
    if (told == nullptr) return Fail(ErrorCode::kDamaged, "PREPARE was answered by something else");
    const auto made = std::make_shared<const PreparedStatement>(PreparedStatement{
        std::string(text), std::string(told->id), std::string(told->result_metadata_id),
        told->variables, told->result.columns});
    const std::lock_guard lock(mutex_);
    prepared_[made->text] = made;
    return made;
  }

  Result<Answer> Query(std::string_view text, const ReadParameters& parameters) override {
    return Ask(wire::QueryRequest{text, Translate(parameters)}, parameters.token, nullptr);
  }

  Result<Answer> Execute(const PreparedStatement& statement,
                         const ReadParameters& parameters) override {
    return Ask(
        wire::ExecuteRequest{statement.id, statement.result_metadata_id, Translate(parameters)},
        parameters.token, &statement);
  }

  Result<std::vector<Answer>> ExecuteMany(const PreparedStatement& statement,
                                          std::span<const ReadParameters> reads) override {
    const auto gathered = std::make_shared<Gathered>();
    gathered->answers.resize(reads.size());
    for (size_t i = 0; i < reads.size(); ++i) {
      gathered->WaitBelow(options_.in_flight_max);
      const auto connection = pool_.Pick(reads[i].token);
      if (connection == nullptr) continue;
      ++counters_.requests;
      gathered->Begin();
      const Status sent = connection->Send(
          wire::ExecuteRequest{statement.id, statement.result_metadata_id, Translate(reads[i])},
          [gathered, i](const Result<wire::Frame>& frame) { gathered->End(i, ToAnswer(frame)); });
      if (!sent) gathered->End(i, std::unexpected(sent.error()));
    }
    gathered->WaitBelow(1);
    std::vector<Answer> answers;
    for (size_t i = 0; i < reads.size(); ++i) {
      std::optional<Result<Answer>>& answer = gathered->answers[i];
      if (answer && *answer && !std::holds_alternative<wire::ErrorResponse>((*answer)->response)) {
        answers.push_back(std::move(**answer));
        continue;
      }
      // What failed is asked again with pauses, and prepared again where it was forgotten.
      MR_ASSIGN(Answer again, Execute(statement, reads[i]));
      answers.push_back(std::move(again));
    }
    return answers;
  }

 private:
  // Answers as they come. Shared with the handlers.
  struct Gathered {
    std::mutex mutex;
    std::condition_variable came;
    std::vector<std::optional<Result<Answer>>> answers;
    size_t under_way = 0;

    void Begin() {
      const std::lock_guard lock(mutex);
      ++under_way;
    }
    void End(size_t i, Result<Answer> answer) {
      const std::lock_guard lock(mutex);
      answers[i] = std::move(answer);
      --under_way;
      came.notify_all();
    }
    void WaitBelow(size_t most) {
      std::unique_lock lock(mutex);
      came.wait(lock, [&] { return under_way < most; });
    }
  };

  wire::QueryParameters Translate(const ReadParameters& parameters) const {
    return {.consistency = options_.consistency,
            .value_count = parameters.value_count,
            .values = parameters.values,
            .page_rows = parameters.page_rows,
            .paging_state = parameters.paging_state};
  }

  // Sends until an answer comes that is no passing error, or time is up.
  Result<Answer> Ask(const wire::Request& request, std::optional<int64_t> token,
                     const PreparedStatement* statement) {
    const int64_t until =
        io::SystemClock().MonotonicNs() + options_.retry_timeout.count() * 1'000'000;
    int64_t pause = kPauseFirstNs;
    while (true) {
      Error why;
      if (const auto connection = pool_.Pick(token)) {
        ++counters_.requests;
        auto answer = connection->Call(request);
        const auto* error = answer ? std::get_if<wire::ErrorResponse>(&answer->response) : nullptr;
        if (answer && error == nullptr) return answer;
        why = answer ? ToError(*error, connection->host(), options_) : answer.error();
        if (error != nullptr && error->kind == wire::ErrorKind::kUnprepared &&
            statement != nullptr) {
          const auto prepared = connection->Call(wire::PrepareRequest{statement->text});
          if (prepared) why.code = ErrorCode::kUnavailable;
        }
      } else {
        why = pool_.why();
      }
      const bool may_pass = why.code == ErrorCode::kUnavailable || why.code == ErrorCode::kTimeout;
      if (!may_pass || io::SystemClock().MonotonicNs() + pause > until)
        return std::unexpected(std::move(why));
      ++counters_.retries;
      std::this_thread::sleep_for(std::chrono::nanoseconds(pause));
      pause = std::min(pause * 2, kPauseMostNs);
    }
  }

  const ClientOptions options_;
  SharedCounters counters_;
  NodePool pool_;
  std::mutex mutex_;
  std::map<std::string, PreparedPtr, std::less<>> prepared_;  // by text
};

}  // namespace

Result<std::unique_ptr<Client>> Client::Open(ClientOptions options) {
  Error why{ErrorCode::kInvalidArgument,
            fmt::format("{}.contact_points names no node", options.settings),
            {}};
  for (const std::string& host : options.contact_points) {
    auto connection = Connection::Open(host, options);
    if (!connection) {
      why = std::move(connection.error());
      continue;
    }
    MR_ASSIGN(Topology topology, ReadTopology(**connection, options));
    return std::make_unique<ClientImpl>(std::move(options), std::move(topology),
                                        std::move(*connection));
  }
  return std::unexpected(std::move(why));
}

}  // namespace millrace::cql
