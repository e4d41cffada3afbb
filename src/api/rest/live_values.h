// LiveValues: what moves, sampled for all who look: rates, and the picture that event streams send.
//
// Invariants
//   1. However many streams there are, the pipeline is asked at most every kSampleMin.
//   2. At most kStreamsMax streams at once.
//
// Thread contract: every function from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "pipeline/runner.h"

namespace millrace::api::rest {

struct QueryRates {
  double records_in_per_s = 0;
  double rows_out_per_s = 0;
};

class LiveValues {
 public:
  static constexpr auto kSampleMin = std::chrono::milliseconds(200);
  static constexpr auto kRateSpan = std::chrono::seconds(1);
  static constexpr int kStreamsMax = 200;

  // The newest snapshot, at most kSampleMin old.
  std::shared_ptr<const pipeline::RunnerSnapshot> Snapshot(pipeline::Runner& runner);
  // Over the last kRateSpan or more; nullopt before there are two samples.
  std::optional<QueryRates> RatesOf(const std::string& query) const;
  // The snapshot as an object of shape Live.
  std::string Picture(pipeline::Runner& runner);

  // Counts a stream while it lives; nullptr: there are kStreamsMax.
  std::shared_ptr<void> OpenStream();

 private:
  struct Counters {
    uint64_t records_in = 0;
    uint64_t rows_out = 0;
  };
  void SampleLocked(pipeline::Runner& runner);

  mutable std::mutex mutex_;  // of all below but streams_
  std::shared_ptr<const pipeline::RunnerSnapshot> snapshot_;
  int64_t sampled_ns_ = 0;
  std::string picture_;  // of snapshot_; empty: not made yet
  std::map<std::string, Counters> base_;
  int64_t base_ns_ = 0;
  std::map<std::string, QueryRates> rates_;
  std::shared_ptr<std::atomic<int>> streams_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace millrace::api::rest
