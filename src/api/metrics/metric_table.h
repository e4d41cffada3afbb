// The metrics as one table: name, type, unit, labels, help, and where the values come from. From it
// come GET /metrics (Prometheus text) and docs/reference/metrics.md.
//
// Invariants
//   1. Base units (seconds, bytes) stand last in the name; counters end in _total.
//   2. Labels are bounded by what the project declares; never a key, a value, a URL or a message.
//
// Thread contract: pure functions of the source.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.h"
#include "io/process_usage.h"
#include "pipeline/runner.h"

namespace millrace::api {

struct TopicState {
  std::string name;
  int64_t appended_offsets = 0;  // ends of its partitions, together
  int64_t readable_offsets = 0;  // between start and last stable, together
};

// All values of one scrape, taken together.
struct MetricsSource {
  io::ProcessUsage process;
  // What needs a running pipeline.
  struct Running {
    pipeline::RunnerSnapshot snapshot;
    log::LogMetrics log;
    store::StoreMetrics store;
    std::vector<TopicState> topics;
    int64_t damaged_partitions = 0;
    int64_t lost_ranges = 0;
    std::optional<uint64_t> disk_free_bytes;
  };
  std::optional<Running> running;  // none: it starts or stops

  static MetricsSource Of(pipeline::Runner* runner);
};

// Where a family's samples go.
class Samples {
 public:
  virtual ~Samples() = default;
  // `labels`: one value for each label of the family, in its order.
  virtual void Add(std::initializer_list<std::string_view> labels, double value) = 0;
  virtual void Add(std::initializer_list<std::string_view> labels,
                   const HistogramSnapshot& histogram) = 0;
};

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };
std::string_view Name(MetricType type);

struct MetricFamily {
  std::string_view name;
  MetricType type;
  std::string_view unit;    // "seconds", "bytes", "records", ...
  std::string_view labels;  // "query|topic"; empty: none
  std::string_view help;
  void (*collect)(const MetricsSource&, Samples&);
};

std::span<const MetricFamily> AllMetrics();

}  // namespace millrace::api
