// Harness: everything a try needs, for tests and benches of this module: topics in memory, a real
// HTTP client and clock, a resolver that can be told what names mean, and the log lines of the
// tries.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "extract/extractor.h"
#include "extract/memory_topics.h"
#include "io/http_server.h"

namespace millrace::extract {

// Numeric addresses are themselves; other names as told, else unknown.
class TableResolver final : public io::Resolver {
 public:
  Result<std::vector<io::IpAddress>> Resolve(const std::string& host) override {
    std::lock_guard lock(mutex_);
    ++calls_;
    if (const auto numeric = io::IpAddress::Parse(host)) return std::vector{*numeric};
    const auto found = table_.find(host);
    if (found == table_.end())
      return Fail(ErrorCode::kUnavailable, "cannot resolve host '{}'", host);
    std::vector<io::IpAddress> addresses;
    for (const std::string& text : found->second) addresses.push_back(*io::IpAddress::Parse(text));
    return addresses;
  }
  void Set(const std::string& host, std::vector<std::string> addresses) {
    std::lock_guard lock(mutex_);
    table_[host] = std::move(addresses);
  }
  int calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> table_;
  int calls_ = 0;
};

class Harness {
 public:
  explicit Harness(io::Clock& clock = io::SystemClock())
      : clock_(clock), cursors(cursor_topic_), limits(clock), tokens(clock) {}

  // A spec for tests: local addresses allowed, quick retries.
  static HttpSourceSpec LocalSpec(std::string url) {
    HttpSourceSpec spec;
    spec.url = std::move(url);
    spec.topic = "users";
    spec.select = "$.results[*]";
    spec.key = "$.id";
    spec.allow_private = {"127.0.0.0/8"};
    spec.retry = {.attempts = 3,
                  .delay = std::chrono::milliseconds(2),
                  .delay_max = std::chrono::milliseconds(50)};
    spec.timeouts = {.connect = std::chrono::milliseconds(2000),
                     .first_byte = std::chrono::milliseconds(2000),
                     .idle = std::chrono::milliseconds(2000),
                     .total = std::chrono::milliseconds(10000)};
    return spec;
  }

  // The next run of the task "users/fetch"; a repeated try sets `try_number` on the same context.
  ExtractContext NextContext() {
    ExtractContext context;
    context.dag = "users";
    context.task = "fetch";
    context.logical_date = TimestampUs(1'767'225'600'000'000 + 60'000'000 * runs_);
    context.interval_start = context.logical_date;
    context.interval_end = context.logical_date + 60'000'000;
    context.run = fmt::format("scheduled__{}", runs_++);
    context.generation = Generation(1);
    context.log = [this](std::string_view line) {
      std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
    };
    return context;
  }

  Result<ExtractReport> Run(const HttpSourceSpec& spec, const ExtractContext& context) {
    MR_ASSIGN(const HttpSource source, CompileSource(spec));
    return Extract(source, context, services());
  }
  Result<ExtractReport> Run(const HttpSourceSpec& spec) { return Run(spec, NextContext()); }

  ExtractServices services() {
    return {.http = *http_,
            .resolver = resolver,
            .clock = clock_,
            .writer = topics,
            .cursors = cursors,
            .limits = limits,
            .tokens = tokens};
  }
  // All lines logged so far, one string.
  std::string log() {
    std::lock_guard lock(mutex_);
    std::string all;
    for (const std::string& line : lines_) all += line + "\n";
    return all;
  }
  // Values of a topic's records.
  std::vector<std::string> Values(const std::string& topic = "users") {
    std::vector<std::string> values;
    for (const auto& record : topics.Records(topic))
      values.push_back(record.value.value_or("<none>"));
    return values;
  }

 private:
  io::Clock& clock_;
  std::unique_ptr<io::HttpClient> http_ = io::MakeHttpClient();
  std::mutex mutex_;
  std::vector<std::string> lines_;
  int64_t runs_ = 0;

 public:
  MemoryTopics topics;

 private:
  MemorySource cursor_topic_{topics, std::string(kCursorTopic)};

 public:
  TableResolver resolver;
  CursorStore cursors;
  HostLimits limits;
  TokenCache tokens;
};

// A real server on a free loopback port.
class LocalApi {
 public:
  explicit LocalApi(io::HttpHandler handler)
      : server_(io::HttpServer::Create({}, std::move(handler))), port_(*server_->ListenTcp({})) {}
  std::string Url(std::string_view path = "/api") const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
  }
  std::string Origin(std::string_view host) const {
    return fmt::format("http://{}:{}", host, port_);
  }
  uint64_t requests() const { return server_->counters().requests; }

 private:
  std::unique_ptr<io::HttpServer> server_;
  uint16_t port_;
};

}  // namespace millrace::extract
