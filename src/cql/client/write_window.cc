#include "cql/client/write_window.h"

#include <algorithm>

#include "io/clock.h"

namespace millrace::cql {
namespace {

constexpr int64_t kPauseFirstNs = 10'000'000;
constexpr int64_t kPauseMostNs = 1'000'000'000;
constexpr std::chrono::milliseconds kTick(20);

int64_t NowNs() { return io::SystemClock().MonotonicNs(); }

}  // namespace

Status WriteWindow::Run() {
  std::vector<Outcome> outcomes;
  while (next_ < requests_.size() || under_way_ > 0 || !retries_.empty()) {
    MR_TRY(SendDue());
    {
      std::unique_lock lock(inbox_->mutex);
      if (inbox_->outcomes.empty()) inbox_->came.wait_for(lock, kTick);
      outcomes.swap(inbox_->outcomes);
    }
    for (Outcome& outcome : outcomes) MR_TRY(Take(outcome));
    outcomes.clear();
  }
  return {};
}

Status WriteWindow::SendDue() {
  while (under_way_ < options_.in_flight_max && !retries_.empty() &&
         retries_.front().at_ns <= NowNs()) {
    const size_t request = retries_.front().request;
    retries_.pop_front();
    ++counters_.retries;
    MR_TRY(SendOne(request));
  }
  // While requests fail, no new ones are sent.
  while (under_way_ < options_.in_flight_max && failing_since_ns_ == 0 && next_ < requests_.size())
    MR_TRY(SendOne(next_++));
  return {};
}

Status WriteWindow::SendOne(size_t request) {
  const auto connection = pool_.Pick(requests_[request].token);
  if (connection == nullptr) return Again(request, pool_.why());
  return SendOn(connection, request);
}

Status WriteWindow::SendOn(const std::shared_ptr<Connection>& connection, size_t request) {
  const WriteRequest& write = requests_[request];
  const auto values = static_cast<uint16_t>(write.statement->variables.size());
  const wire::QueryParameters parameters{.consistency = options_.consistency};
  wire::Request message;
  if (write.rows.size() == 1) {
    wire::ExecuteRequest execute{write.statement->id, write.statement->result_metadata_id,
                                 parameters};
    execute.parameters.value_count = values;
    execute.parameters.values = write.rows[0];
    execute.parameters.skip_metadata = true;
    message = execute;
  } else {
    statements_.clear();
    for (const std::string_view row : write.rows)
      statements_.push_back({true, write.statement->id, values, row});
    message = wire::BatchRequest{wire::BatchType::kUnlogged, std::move(statements_), parameters};
  }
  const Status sent = connection->Send(
      message, [inbox = inbox_, outcome = Outcome{.request = request, .connection = connection},
                &host = connection->host(), &options = options_](Result<wire::Frame> frame) {
        Note(*inbox, outcome, frame, host, options);
      });
  if (auto* batch = std::get_if<wire::BatchRequest>(&message))
    statements_ = std::move(batch->statements);
  if (!sent) return Again(request, sent.error());
  ++counters_.requests;
  ++under_way_;
  return {};
}

// On the connection's thread.
void WriteWindow::Note(Inbox& inbox, Outcome outcome, const Result<wire::Frame>& frame,
                       const std::string& host, const ClientOptions& options) {
  if (!frame) {
    outcome.error = frame.error();
    outcome.may_pass = true;
  } else if (frame->header.opcode != wire::Opcode::kResult) {
    const auto response = wire::DecodeResponse(frame->header, frame->body);
    const auto* error = response ? std::get_if<wire::ErrorResponse>(&*response) : nullptr;
    if (error != nullptr) {
      outcome.error = ToError(*error, host, options);
      outcome.may_pass = MayPass(*error);
      outcome.unprepared = error->kind == wire::ErrorKind::kUnprepared;
      if (outcome.unprepared) outcome.error->code = ErrorCode::kUnavailable;
    } else {
      outcome.error = Error{ErrorCode::kDamaged, "a write was answered by no result", {}};
    }
  }
  const std::lock_guard lock(inbox.mutex);
  inbox.outcomes.push_back(std::move(outcome));
  if (inbox.outcomes.size() == 1) inbox.came.notify_one();
}

Status WriteWindow::Take(Outcome& outcome) {
  --under_way_;
  if (!outcome.error) {
    failing_since_ns_ = 0;
    pause_ns_ = 0;
    return {};
  }
  if (outcome.unprepared) {
    ++counters_.retries;
    const auto connection = outcome.connection.lock();
    if (connection == nullptr) return Again(outcome.request, *outcome.error);
    const Status prepared = PrepareOn(*connection, *requests_[outcome.request].statement);
    if (prepared) return SendOn(connection, outcome.request);
    return Again(outcome.request, prepared.error());
  }
  if (!outcome.may_pass) return std::unexpected(std::move(*outcome.error));
  return Again(outcome.request, *outcome.error);
}

Status WriteWindow::Again(size_t request, const Error& why) {
  const int64_t now = NowNs();
  if (failing_since_ns_ == 0) failing_since_ns_ = now;
  if (why.code != ErrorCode::kUnavailable && why.code != ErrorCode::kTimeout &&
      why.code != ErrorCode::kResourceExhausted)
    return std::unexpected(why);
  if (now - failing_since_ns_ > options_.retry_timeout.count() * 1'000'000) {
    return std::unexpected(Error{why.code,
                                 fmt::format("a write did not go through within {} ms: {}",
                                             options_.retry_timeout.count(), why.message),
                                 why.hint});
  }
  // One pause for all requests that failed within it.
  const bool begins = retries_.empty() || retries_.back().at_ns <= now;
  if (begins) pause_ns_ = std::clamp(pause_ns_ * 2, kPauseFirstNs, kPauseMostNs);
  retries_.push_back({request, begins ? now + pause_ns_ : retries_.back().at_ns});
  return {};
}

Status WriteWindow::PrepareOn(Connection& connection, const PreparedStatement& statement) {
  MR_ASSIGN(const Answer answer, connection.Call(wire::PrepareRequest{statement.text}));
  if (const auto* error = std::get_if<wire::ErrorResponse>(&answer.response))
    return std::unexpected(ToError(*error, connection.host(), options_));
  const auto* result = std::get_if<wire::ResultBody>(&answer.response);
  const auto* prepared = result == nullptr ? nullptr : std::get_if<wire::PreparedResult>(result);
  if (prepared == nullptr || prepared->id != statement.id)
    return Fail(ErrorCode::kUnavailable, "node {} prepares another statement for: {}",
                connection.host(), statement.text);
  return {};
}

}  // namespace millrace::cql
