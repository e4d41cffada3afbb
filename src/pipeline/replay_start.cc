#include "pipeline/replay_start.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "schedule/civil.h"
#include "sql/source_text.h"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kForms =
    "earliest, a time such as 2026-01-31T12:00:00Z, milliseconds since 1970, or "
    "TOPIC:PARTITION:OFFSET,...";
// Below it a number of milliseconds lies before 1973, and is most likely meant as seconds.
constexpr int64_t kMillisecondsMin = 100'000'000'000;

bool IsNumber(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t number = 0;
  if (!IsNumber(text)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "2026-..." is meant as a time, also where it is none.
bool LooksLikeTime(std::string_view text) {
  return text.size() > 4 && IsNumber(text.substr(0, 4)) && text[4] == '-' &&
         text.find(',') == std::string_view::npos;
}

Result<TimestampMs> ParseTime(std::string_view text) {
  if (!IsNumber(text)) {
    MR_ASSIGN(const TimestampUs at, schedule::ParseUtc(text));
    // The first millisecond that is not before the time.
    return TimestampMs(schedule::FloorDiv(at.value + 999, 1000));
  }
  const auto number = Number(text);
  if (!number) return Fail(ErrorCode::kInvalidArgument, "--from {}: the number is too large", text);
  if (*number < kMillisecondsMin) {
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("--from {}: as milliseconds since 1970 this is {}", text,
                          schedule::FormatUtc(TimestampUs(*number * 1000))),
              fmt::format("seconds? then write {}000", text)});
  }
  return TimestampMs(*number);
}

// What can be read of every partition of the topics.
using Readable = std::map<flow::TopicPartition, flow::OffsetRange>;

Result<Readable> AskReadable(connect::Topics& place, const std::vector<std::string>& topics) {
  Readable readable;
  for (const std::string& topic : topics) {
    MR_ASSIGN(const auto source, place.OpenSource(topic, {}));
    for (int32_t p = 0; p < source->partition_count(); ++p) {
      MR_ASSIGN(readable[flow::TopicPartition({topic, PartitionId(p)})],
                source->Readable(PartitionId(p)));
    }
  }
  return readable;
}

// One "TOPIC:PARTITION:OFFSET" or "PARTITION:OFFSET".
Result<std::pair<flow::TopicPartition, Offset>> ParseOffset(
    std::string_view text, const std::vector<std::string>& topics) {
  const auto malformed = [&](std::string_view why) {
    return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                 fmt::format("--from: \"{}\" {}", text, why),
                                 fmt::format("write {}", kForms)});
  };
  const size_t last = text.rfind(':');
  if (last == std::string_view::npos || last == 0) return malformed("is no start of a replay");
  const auto offset = Number(text.substr(last + 1));
  const size_t middle = text.rfind(':', last - 1);
  const bool has_topic = middle != std::string_view::npos;
  const size_t partition_at = has_topic ? middle + 1 : 0;
  const auto partition = Number(text.substr(partition_at, last - partition_at));
  if (!offset) return malformed("has no offset behind the last colon");
  if (!partition || *partition > INT32_MAX)
    return malformed("has no partition number before the offset");
  if (!has_topic && topics.size() != 1) return malformed("must name one of the query's topics");
  const std::string topic(has_topic ? text.substr(0, middle) : std::string_view(topics[0]));
  if (std::ranges::find(topics, topic) == topics.end()) {
    const std::string nearest = sql::NearestName(topic, topics);
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("--from: the table's query does not read topic {}", topic),
              fmt::format("it reads {}", nearest.empty() ? topics[0] : nearest)});
  }
  return std::pair(flow::TopicPartition{topic, PartitionId(static_cast<int32_t>(*partition))},
                   Offset(*offset));
}

Status TakeOffsets(std::string_view from, const std::vector<std::string>& topics,
                   const Readable& readable, ReplayStart& start) {
  std::map<flow::TopicPartition, Offset> named;
  while (!from.empty()) {
    const size_t end = std::min(from.find(','), from.size());
    MR_ASSIGN(const auto one, ParseOffset(from.substr(0, end), topics));
    from.remove_prefix(std::min(end + 1, from.size()));
    const auto& [at, offset] = one;
    const auto range = readable.find(at);
    if (range == readable.end()) {
      return Fail(ErrorCode::kInvalidArgument, "--from: topic {} has no partition {}", at.topic,
                  at.partition);
    }
    if (offset < range->second.begin || offset > range->second.end) {
      return Fail(ErrorCode::kInvalidArgument,
                  "--from: {}:{} has the offsets from {} to {}; {} is not among them", at.topic,
                  at.partition, range->second.begin, range->second.end, offset);
    }
    if (!named.emplace(at, offset).second) {
      return Fail(ErrorCode::kInvalidArgument, "--from: partition {}:{} is named twice", at.topic,
                  at.partition);
    }
  }
  for (const auto& [at, offset] : named) start.offsets[at] = offset;
  return {};
}

Status TakeTime(std::string_view from, connect::Topics& place, const Readable& readable,
                ReplayStart& start) {
  MR_ASSIGN(const TimestampMs time, ParseTime(from));
  for (const auto& [at, range] : readable) {
    MR_ASSIGN(const Offset found, place.OffsetForTime(at.topic, at.partition, time));
    start.offsets[at] = std::clamp(found, range.begin, range.end);
  }
  return {};
}

class LaterSource final : public flow::Source {
 public:
  LaterSource(std::unique_ptr<flow::Source> inner, std::map<PartitionId, Offset> begins)
      : inner_(std::move(inner)), begins_(std::move(begins)) {}

  const std::string& topic() const override { return inner_->topic(); }
  int32_t partition_count() const override { return inner_->partition_count(); }
  Result<flow::OffsetRange> Readable(PartitionId partition) override {
    MR_ASSIGN(flow::OffsetRange range, inner_->Readable(partition));
    const auto begin = begins_.find(partition);  // partitions may be added since
    if (begin != begins_.end()) range.begin = std::max(range.begin, begin->second);
    return range;
  }
  Result<std::vector<flow::PartitionCut>> Cut() override {
    MR_ASSIGN(std::vector<flow::PartitionCut> cut, inner_->Cut());
    for (const auto& [partition, begin] : begins_) {
      Offset& from = cut[static_cast<size_t>(partition.value)].readable.begin;
      from = std::max(from, begin);
    }
    return cut;
  }
  Result<flow::RecordBlock> Read(PartitionId partition, Offset from, Offset to,
                                 size_t bytes_max) override {
    return inner_->Read(partition, from, to, bytes_max);
  }
  bool WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) override {
    return inner_->WaitBeyond(seen, timeout);
  }
  void Wake() override { inner_->Wake(); }

 private:
  const std::unique_ptr<flow::Source> inner_;
  const std::map<PartitionId, Offset> begins_;
};

}  // namespace

Result<ReplayStart> FindReplayStart(connect::Topics& place, const std::vector<std::string>& topics,
                                    std::string_view from) {
  MR_ASSIGN(const Readable readable, AskReadable(place, topics));
  ReplayStart start;
  for (const auto& [at, range] : readable) start.offsets[at] = range.begin;
  if (IsNumber(from) || LooksLikeTime(from)) {
    MR_TRY(TakeTime(from, place, readable, start));
  } else if (from != "earliest") {
    MR_TRY(TakeOffsets(from.empty() ? ":" : from, topics, readable, start));
  }
  int64_t there = 0;
  for (const auto& [at, range] : readable) {
    there += range.end - range.begin;
    start.ahead += range.end - start.offsets[at];
    start.left_out += start.offsets[at].value;
  }
  if (there > 0 && start.ahead == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "--from {}: no record lies there or behind it; the table would be empty", from);
  }
  return start;
}

std::unique_ptr<flow::Source> StartingAt(const ReplayStart& start,
                                         std::unique_ptr<flow::Source> source) {
  std::map<PartitionId, Offset> begins;
  for (const auto& [at, offset] : start.offsets) {
    if (at.topic == source->topic()) begins[at.partition] = offset;
  }
  return std::make_unique<LaterSource>(std::move(source), std::move(begins));
}

}  // namespace millrace::pipeline
