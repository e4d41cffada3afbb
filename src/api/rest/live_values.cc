#include "api/rest/live_values.h"

#include "api/rest/answers.h"

namespace millrace::api::rest {
namespace {

constexpr int64_t Nanoseconds(std::chrono::nanoseconds time) { return time.count(); }

}  // namespace

void LiveValues::SampleLocked(pipeline::Runner& runner) {
  const int64_t now_ns = runner.workspace().clock().MonotonicNs();
  if (snapshot_ != nullptr && now_ns - sampled_ns_ < Nanoseconds(kSampleMin)) return;
  snapshot_ = std::make_shared<const pipeline::RunnerSnapshot>(runner.Snapshot());
  sampled_ns_ = now_ns;
  picture_.clear();
  const bool has_base = !base_.empty();
  if (has_base && now_ns - base_ns_ < Nanoseconds(kRateSpan)) return;
  const double seconds = static_cast<double>(now_ns - base_ns_) / 1e9;
  for (const pipeline::QueryStatus& query : snapshot_->queries) {
    const Counters now{query.metrics.records_in, query.metrics.rows_out};
    Counters& before = base_[query.name];
    // A query that was started again counts from nothing.
    if (has_base && now.records_in >= before.records_in && now.rows_out >= before.rows_out) {
      rates_[query.name] = {static_cast<double>(now.records_in - before.records_in) / seconds,
                            static_cast<double>(now.rows_out - before.rows_out) / seconds};
    }
    before = now;
  }
  base_ns_ = now_ns;
}

std::shared_ptr<const pipeline::RunnerSnapshot> LiveValues::Snapshot(pipeline::Runner& runner) {
  const std::lock_guard lock(mutex_);
  SampleLocked(runner);
  return snapshot_;
}

std::optional<QueryRates> LiveValues::RatesOf(const std::string& query) const {
  const std::lock_guard lock(mutex_);
  const auto found = rates_.find(query);
  if (found == rates_.end()) return std::nullopt;
  return found->second;
}

std::string LiveValues::Picture(pipeline::Runner& runner) {
  const std::lock_guard lock(mutex_);
  SampleLocked(runner);
  if (picture_.empty()) {
    pipeline::JsonList queries;
    for (const pipeline::QueryStatus& query : snapshot_->queries) {
      const auto rates = rates_.find(query.name);
      queries.Add(QueryJson(query, rates == rates_.end() ? nullptr : &rates->second));
    }
    pipeline::JsonList dags;
    for (const schedule::DagInfo& dag : snapshot_->dags) dags.Add(DagJson(dag));
    picture_ = pipeline::JsonText()
                   .Raw("at", TimeJson(runner.workspace().clock().Now()))
                   .Field("extracted_records", snapshot_->extracted_records)
                   .Field("log_bytes", snapshot_->log_bytes)
                   .Raw("queries", queries.Array())
                   .Raw("dags", dags.Array())
                   .Object();
  }
  return picture_;
}

std::shared_ptr<void> LiveValues::OpenStream() {
  const auto count = streams_;
  std::shared_ptr<void> open(count.get(), [count](void*) { --*count; });
  return ++*count <= kStreamsMax ? open : nullptr;
}

}  // namespace millrace::api::rest
