#include "engine/stream/window.h"

#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/evaluator.h"
#include "engine/row_key.h"
#include "engine/stream/watermark.h"
#include "engine/stream/window_groups.h"

namespace millrace::engine {
namespace {

constexpr char kStateVersion = 1;
constexpr int64_t kWindowsPerRowMax = 1000;
// Event times beyond this (146,000 years) have no window: their bounds would overflow.
constexpr int64_t kTimeLimitUs = int64_t{1} << 62;

int64_t FloorTo(int64_t value, int64_t step) {
  const int64_t rest = value % step;
  return value - rest - (rest < 0 ? step : 0);
}

class Partial final : public WindowPartial {
 public:
  explicit Partial(std::span<const std::unique_ptr<AggregateFunction>> functions)
      : groups(functions) {}
  WindowGroups groups;
};

// Rows on their way into groups, with the columns the aggregate works on.
struct Input {
  Rows rows;
  std::vector<data::ColumnPtr> columns;  // time, keys, then each aggregate's arguments and filter
  std::vector<int64_t> offsets;
  int32_t partition = 0;
};

class Windows final : public WindowAggregate {
 public:
  Windows(const sql::Plan& node, const StreamSettings& settings)
      : node_(node), settings_(settings) {}

  Status Compile() {
    std::vector<sql::ExprPtr> expressions = {node_.window_time};
    expressions.insert(expressions.end(), node_.group_keys.begin(), node_.group_keys.end());
    for (const sql::AggregateCall& call : node_.aggregates) {
      MR_ASSIGN(auto function, AggregateFunction::Make(call));
      functions_.push_back(std::move(function));
      expressions.insert(expressions.end(), call.args.begin(), call.args.end());
      if (call.filter != nullptr) expressions.push_back(call.filter);
    }
    MR_ASSIGN(evaluator_, Evaluator::Make(expressions));
    open_ = std::make_unique<WindowGroups>(functions_);
    return {};
  }

  Result<std::unique_ptr<WindowPartial>> NewPartial() const override {
    return std::make_unique<Partial>(functions_);
  }

  Status Restore(flow::StateStore& store, const std::string& query) override {
    Status status;
    MR_TRY(store.ScanState(query, kWindowOperator,
                           [&](uint8_t, std::string_view key, std::string_view value) {
                             status = RestoreEntry(key, value);
                             return status.has_value();
                           }));
    if (!status.has_value())
      return std::unexpected(std::move(status).error().WithContext("query " + query));
    return {};
  }

  Status Add(Rows rows, ChunkContext& context, int64_t watermark_us,
             WindowPartial& partial) const override {
    Input input = Evaluate(std::move(rows), context);
    RefuseLate(input, context, watermark_us);
    if (input.rows.batch.rows == 0) return {};
    for (const uint32_t record : input.rows.record)
      input.offsets.push_back(context.chunk.record(record).offset.value);
    input.partition = context.chunk.topic_rank * 65536 + context.chunk.partition.value;
    WindowGroups& groups = static_cast<Partial&>(partial).groups;
    for (int64_t back = 0; back < WindowsPerRow(); ++back)
      AddToWindows(input, back, watermark_us, groups);
    return {};
  }

  Status Merge(WindowPartial& partial) override {
    const WindowGroups& groups = static_cast<Partial&>(partial).groups;
    groups.ForEach([&](uint32_t from) {
      const uint32_t into = Open(groups.key(from));
      for (size_t i = 0; i < functions_.size(); ++i)
        open_->states(i).Merge(into, groups.states(i), from);
      if (!changed_[into]) {
        changed_[into] = true;
        changes_.push_back(into);
      }
    });
    if (open_->size() > settings_.state_entries_max) {
      return std::unexpected(
          Error{ErrorCode::kResourceExhausted,
                fmt::format("{} open windows and keys, at most {} are allowed", open_->size(),
                            settings_.state_entries_max),
                "raise the limit, use fewer keys, or a shorter watermark delay"});
    }
    return {};
  }

  Result<Output> EndEpoch(int64_t watermark_us) override {
    std::vector<uint32_t> closed;
    while (!by_start_.empty() && End(by_start_.begin()->first) <= watermark_us) {
      const std::vector<uint32_t>& groups = by_start_.begin()->second;
      closed.insert(closed.end(), groups.begin(), groups.end());
      by_start_.erase(by_start_.begin());
    }
    std::vector<uint32_t> emitted = settings_.emit == Emit::kOnClose ? closed : changes_;
    const auto by_key = [this](uint32_t group) -> const std::string& { return open_->key(group); };
    std::ranges::sort(emitted, {}, by_key);
    std::ranges::sort(closed, {}, by_key);
    std::ranges::sort(changes_, {}, by_key);

    Output output;
    output.errors = data::RowErrors(emitted.size());
    if (!emitted.empty()) output.rows = MakeRows(emitted, output.errors);
    output.state = StateChanges(closed);
    for (const uint32_t group : changes_) changed_[group] = false;
    changes_.clear();
    for (const uint32_t group : closed) {
      stored_[group] = false;
      open_->Drop(group);
    }
    return output;
  }

  int64_t NextClose() const override {
    return by_start_.empty() ? INT64_MAX : End(by_start_.begin()->first);
  }
  size_t entries() const override { return open_->size(); }

 private:
  int64_t End(int64_t start_us) const { return start_us + node_.window_size_us; }
  int64_t WindowsPerRow() const {
    return (node_.window_size_us + node_.window_slide_us - 1) / node_.window_slide_us;
  }
  // Start of the newest window that holds `time_us`, moved back by `back` slides.
  int64_t StartOf(int64_t time_us, int64_t back) const {
    return FloorTo(time_us - node_.window_offset_us, node_.window_slide_us) +
           node_.window_offset_us - back * node_.window_slide_us;
  }
  // Whether the window `back` slides before the newest holds the time and is still open.
  bool Takes(int64_t time_us, int64_t back, int64_t watermark_us) const {
    const int64_t end_us = End(StartOf(time_us, back));
    return time_us < end_us && end_us > watermark_us;
  }

  Input Evaluate(Rows rows, ChunkContext& context) const {
    Input input;
    data::RowErrors errors(rows.batch.rows);
    rows.batch.columns = evaluator_->Evaluate(rows.batch, data::RowSet::All(rows.batch.rows),
                                              context.For(rows), errors);
    RefuseRows(rows, errors, "expression", context);
    data::RowErrors untimed(rows.batch.rows);
    const data::Column& times = *rows.batch.columns[0];
    const data::Reader<int64_t> time(times);
    for (size_t row = 0; row < rows.batch.rows; ++row) {
      if (times.IsNull(row))
        untimed.Add(row, "EVENT_TIME_NULL",
                    "the time of window() is NULL: no window holds the row");
      else if (time[row] < -kTimeLimitUs || time[row] > kTimeLimitUs)
        untimed.Add(row, "EVENT_TIME_OUT_OF_RANGE", "no window can hold so distant a time");
    }
    RefuseRows(rows, untimed, "event_time", context);
    input.columns = rows.batch.columns;
    input.rows = std::move(rows);
    return input;
  }

  void RefuseLate(Input& input, ChunkContext& context, int64_t watermark_us) const {
    if (watermark_us == kNoWatermark) return;
    data::RowErrors late(input.rows.batch.rows);
    const data::Reader<int64_t> time(*input.columns[0]);
    for (size_t row = 0; row < input.rows.batch.rows; ++row) {
      // The newest window ends last: when it is closed all are.
      if (Takes(time[row], 0, watermark_us)) continue;
      late.Add(row, "LATE",
               fmt::format("event time {}: its last window ended at {}, the watermark is {}",
                           data::FormatTimestamp(time[row]),
                           data::FormatTimestamp(End(StartOf(time[row], 0))),
                           data::FormatTimestamp(watermark_us)));
    }
    RefuseRows(input.rows, late, "late", context);
    input.columns = input.rows.batch.columns;
  }

  // Rows that have a window `back` slides before their newest one go into its group.
  void AddToWindows(const Input& input, int64_t back, int64_t watermark_us,
                    WindowGroups& groups) const {
    const size_t count = input.rows.batch.rows;
    const data::Reader<int64_t> time(*input.columns[0]);
    std::vector<uint32_t> group_of(count, 0);
    std::vector<uint32_t> taken;
    taken.reserve(count);
    std::string key;
    for (uint32_t row = 0; row < count; ++row) {
      if (!Takes(time[row], back, watermark_us)) continue;
      key = WindowKey(StartOf(time[row], back), {});
      for (size_t i = 0; i < node_.group_keys.size(); ++i)
        AppendKey(*input.columns[1 + i], row, key);
      group_of[row] = groups.Find(key);
      taken.push_back(row);
    }
    size_t column = 1 + node_.group_keys.size();
    for (size_t i = 0; i < functions_.size(); ++i) {
      const sql::AggregateCall& call = node_.aggregates[i];
      const auto args = std::span(input.columns).subspan(column, call.args.size());
      column += call.args.size();
      std::vector<uint32_t> counted;
      if (call.filter != nullptr)
        counted = SelectTrue(*input.columns[column++], data::RowSet::Of(taken));
      const data::RowSet rows = data::RowSet::Of(call.filter != nullptr ? counted : taken);
      groups.states(i).Update(
          {args, group_of, rows, input.partition, input.offsets, input.rows.ordinal, 0});
    }
  }

  // The number of an open group, made when it is new.
  uint32_t Open(const std::string& key) {
    const size_t before = open_->size();
    const uint32_t group = open_->Find(key);
    if (open_->size() == before) return group;
    if (group >= changed_.size()) {
      changed_.resize(group + 1, false);
      stored_.resize(group + 1, false);
    }
    by_start_[WindowStartOf(key)].push_back(group);
    return group;
  }

  Status RestoreEntry(std::string_view key, std::string_view value) {
    if (key.size() < 8 || value.empty() || value[0] != kStateVersion)
      return Fail(ErrorCode::kDamaged, "window state of unknown version or cut key");
    if (!KeyValues(key).has_value())
      return Fail(ErrorCode::kDamaged, "window state has a key of other types");
    const uint32_t group = Open(std::string(key));
    value.remove_prefix(1);
    for (size_t i = 0; i < functions_.size(); ++i) {
      MR_TRY(open_->states(i).MergeSerialized(group, value));
    }
    if (!value.empty())
      return Fail(ErrorCode::kDamaged, "window state has {} bytes too many", value.size());
    stored_[group] = true;
    return {};
  }

  std::vector<flow::StateChange> StateChanges(const std::vector<uint32_t>& closed) {
    std::vector<bool> is_closed(open_->numbers_end(), false);
    for (const uint32_t group : closed) is_closed[group] = true;
    std::vector<flow::StateChange> changes;
    for (const uint32_t group : changes_) {
      if (is_closed[group]) continue;
      std::string value(1, kStateVersion);
      for (size_t i = 0; i < functions_.size(); ++i) open_->states(i).Serialize(group, value);
      changes.push_back(ChangeOf(group, std::move(value)));
      stored_[group] = true;
    }
    for (const uint32_t group : closed) {
      if (stored_[group]) changes.push_back(ChangeOf(group, std::nullopt));
    }
    return changes;
  }

  flow::StateChange ChangeOf(uint32_t group, std::optional<std::string> value) const {
    const std::string& key = open_->key(group);
    const uint64_t hash = Hash64(std::string_view(key).substr(8));
    return {kWindowOperator, static_cast<uint8_t>(hash % flow::kKeyGroups), key, std::move(value)};
  }

  // window, keys, aggregates: one row for each of `groups`.
  data::Batch MakeRows(const std::vector<uint32_t>& groups, data::RowErrors& errors) const {
    data::Batch batch;
    batch.schema = schema_;
    batch.rows = groups.size();
    batch.columns.push_back(WindowColumn(groups));
    std::vector<std::vector<data::Value>> keys(node_.group_keys.size());
    for (const uint32_t group : groups) {
      auto values = KeyValues(open_->key(group));
      MR_CHECK(values.has_value(), "keys are what AppendKey wrote");
      for (size_t i = 0; i < keys.size(); ++i) keys[i].push_back(std::move((*values)[i]));
    }
    for (size_t i = 0; i < keys.size(); ++i)
      batch.columns.push_back(data::ColumnFromValues(node_.group_keys[i]->type, keys[i]));
    for (size_t i = 0; i < functions_.size(); ++i)
      batch.columns.push_back(open_->states(i).Finish(groups, errors));
    return batch;
  }

  // The group key's values; nullopt for bytes that AppendKey never writes.
  std::optional<std::vector<data::Value>> KeyValues(std::string_view key) const {
    ByteReader reader(key.substr(8));
    std::vector<data::Value> values;
    for (const sql::ExprPtr& expr : node_.group_keys) {
      auto value = ReadKey(expr->type, reader);
      if (!value.has_value()) return std::nullopt;
      values.push_back(*std::move(value));
    }
    if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
    return values;
  }

  data::ColumnPtr WindowColumn(const std::vector<uint32_t>& groups) const {
    const data::DataType& type = *node_.schema.fields[0].type;
    data::ColumnBuilder starts(*type.fields()[0].type, groups.size());
    data::ColumnBuilder ends(*type.fields()[1].type, groups.size());
    for (size_t i = 0; i < groups.size(); ++i) {
      const int64_t start_us = WindowStartOf(open_->key(groups[i]));
      starts.Values<int64_t>()[i] = start_us;
      ends.Values<int64_t>()[i] = End(start_us);
    }
    data::ColumnBuilder window(type, groups.size());
    window.SetChildren({std::move(starts).Finish(), std::move(ends).Finish()});
    return std::move(window).Finish();
  }

  const sql::Plan& node_;
  const StreamSettings& settings_;
  const std::shared_ptr<const data::Schema> schema_ =
      std::make_shared<const data::Schema>(node_.schema);
  std::vector<std::unique_ptr<AggregateFunction>> functions_;
  std::unique_ptr<Evaluator> evaluator_;

  std::unique_ptr<WindowGroups> open_;
  std::map<int64_t, std::vector<uint32_t>> by_start_;  // open groups by their window's start
  std::vector<uint32_t> changes_;                      // groups touched in this epoch, once each
  std::vector<bool> changed_;                          // by group: in `changes_`
  std::vector<bool> stored_;                           // by group: the store has it
};

}  // namespace

Result<std::unique_ptr<WindowAggregate>> WindowAggregate::Make(const sql::Plan& node,
                                                               const StreamSettings& settings) {
  if (node.window_size_us <= 0 || node.window_slide_us <= 0 ||
      node.window_slide_us > node.window_size_us ||
      node.window_size_us / node.window_slide_us >= kWindowsPerRowMax) {
    return Fail(ErrorCode::kInvalidArgument,
                "line {}: a window of {} us sliding by {} us: both must be positive, the slide no "
                "greater than the size, and a row in at most {} windows",
                node.where.line, node.window_size_us, node.window_slide_us, kWindowsPerRowMax);
  }
  auto windows = std::make_unique<Windows>(node, settings);
  MR_TRY(windows->Compile());
  return windows;
}

}  // namespace millrace::engine
