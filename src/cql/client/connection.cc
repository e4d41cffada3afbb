#include "cql/client/connection.h"

#include "io/clock.h"

namespace millrace::cql {
namespace {

constexpr size_t kReadBytes = size_t{128} << 10;
constexpr size_t kSendBytesMax = size_t{1} << 20;
constexpr std::chrono::milliseconds kTick(100);
constexpr int16_t kStreamsMax = 32000;
constexpr size_t kGivenUpMax = 1000;

int64_t NowNs() { return io::SystemClock().MonotonicNs(); }

}  // namespace

const wire::RowsResult* Answer::rows() const {
  const auto* result = std::get_if<wire::ResultBody>(&response);
  return result == nullptr ? nullptr : std::get_if<wire::RowsResult>(result);
}

Result<Answer> ToAnswer(const Result<wire::Frame>& frame) {
  if (!frame) return std::unexpected(frame.error());
  auto body = std::make_unique<std::string>(frame->body);
  MR_ASSIGN(auto response, wire::DecodeResponse(frame->header, *body));
  return Answer{std::move(body), std::move(response)};
}

Connection::~Connection() {
  stopping_ = true;
  if (socket_ != nullptr) socket_->Wake();
  if (thread_.joinable()) thread_.join();
}

void Connection::OnEvent(std::function<void(const wire::EventResponse&)> handler) {
  const std::lock_guard lock(mutex_);
  on_event_ = std::move(handler);
}

Status Connection::Send(const wire::Request& request, Handler handler) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return Fail(ErrorCode::kUnavailable, "the connection to {} is closed", host_);
    int16_t stream = 0;
    if (!free_streams_.empty()) {
      stream = free_streams_.back();
      free_streams_.pop_back();
    } else if (streams_made_ < kStreamsMax) {
      stream = streams_made_++;
    } else {
      return Fail(ErrorCode::kResourceExhausted, "{} requests to {} are under way", kStreamsMax,
                  host_);
    }
    pending_[stream] = {std::move(handler), NowNs() + options_.request_timeout.count() * 1'000'000};
    wire::AppendRequest(request, version_, stream, queued_);
  }
  if (waits_.exchange(false)) socket_->Wake();
  return {};
}

Result<Answer> Connection::Call(const wire::Request& request) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<Result<Answer>> answer;
  };
  const auto waiting = std::make_shared<Waiting>();
  MR_TRY(Send(request, [waiting](Result<wire::Frame> frame) {
    auto answer = ToAnswer(frame);
    const std::lock_guard lock(waiting->mutex);
    waiting->answer = std::move(answer);
    waiting->came.notify_all();
  }));
  std::unique_lock lock(waiting->mutex);
  waiting->came.wait(lock, [&] { return waiting->answer.has_value(); });
  return std::move(*waiting->answer);
}

void Connection::Run() {
  in_.resize(kReadBytes);
  while (!stopping_) {
    if (const Status done = Exchange(); !done) return Close(done.error());
  }
  Close({ErrorCode::kUnavailable, fmt::format("the connection to {} was closed", host_), {}});
}

// One round: send what is queued, read what is there, and sleep when there was neither.
Status Connection::Exchange() {
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
    sending_.clear();
    {
      const std::lock_guard lock(mutex_);
      sending_.swap(queued_);
    }
    encoder_.Append(sending_, out_);
  }
  while (out_at_ < out_.size()) {
    MR_ASSIGN(const size_t wrote, socket_->Write(std::string_view(out_).substr(
                                      out_at_, std::min(kSendBytesMax, out_.size() - out_at_))));
    if (wrote == 0) break;
    out_at_ += wrote;
  }
  MR_TRY(ReadSome());
  MR_TRY(GiveUpLate());
  waits_ = true;
  bool idle = out_at_ == out_.size();
  if (idle) {
    const std::lock_guard lock(mutex_);
    idle = queued_.empty();
    if (!idle) waits_ = false;
  }
  if (idle || out_at_ < out_.size()) socket_->Wait(!idle, kTick);
  waits_ = false;
  return {};
}

Status Connection::ReadSome() {
  while (true) {
    MR_ASSIGN(const size_t got, socket_->Read(in_.data(), in_.size()));
    if (got == 0) return {};
    decoder_.Feed({in_.data(), got});
    while (true) {
      MR_ASSIGN(const auto frame, decoder_.Next());
      if (!frame) break;
      Dispatch(*frame);
    }
    if (got < in_.size()) return {};
  }
}

void Connection::Dispatch(const wire::Frame& frame) {
  Handler handler;
  if (frame.header.stream < 0) {
    const auto event = wire::DecodeResponse(frame.header, frame.body);
    const auto* told = event ? std::get_if<wire::EventResponse>(&*event) : nullptr;
    std::unique_lock lock(mutex_);
    const auto on_event = on_event_;
    lock.unlock();
    if (told != nullptr && on_event) on_event(*told);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    const auto found = pending_.find(frame.header.stream);
    if (found == pending_.end()) return;
    handler = std::move(found->second.handler);
    if (!handler) --given_up_;
    pending_.erase(found);
    free_streams_.push_back(frame.header.stream);
  }
  if (handler) handler(frame);
}

Status Connection::GiveUpLate() {
  const int64_t now = NowNs();
  if (now - looked_for_late_ns_ < kTick.count() * 1'000'000) return {};
  looked_for_late_ns_ = now;
  std::vector<Handler> late;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [stream, pending] : pending_) {
      if (!pending.handler || pending.deadline_ns > now) continue;
      late.push_back(std::move(pending.handler));
      pending.handler = nullptr;
      ++given_up_;
    }
  }
  for (const Handler& handler : late) {
    handler(Fail(ErrorCode::kTimeout, "no answer from {} within {} ms", host_,
                 options_.request_timeout.count()));
  }
  const std::lock_guard lock(mutex_);
  if (given_up_ <= kGivenUpMax) return {};
  return Fail(ErrorCode::kUnavailable, "{} answers to {} are missing", given_up_, host_);
}

void Connection::Close(const Error& why) {
  std::unordered_map<int16_t, Pending> lost;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    lost.swap(pending_);
  }
  for (auto& [stream, pending] : lost) {
    if (pending.handler)
      pending.handler(Fail(ErrorCode::kUnavailable, "node {}: {}", host_, why.message));
  }
}

}  // namespace millrace::cql
