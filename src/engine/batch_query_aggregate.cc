// GROUP BY in batch queries, with and without windows: a hash table of groups in memory.
#include <algorithm>
#include <cstdlib>
#include <unordered_map>

#include "engine/aggregate.h"
#include "engine/batch_query_run.h"
#include "engine/evaluator.h"
#include "engine/row_key.h"

namespace millrace::engine {

using data::Batch;
using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::RowErrors;
using data::RowSet;
using sql::Plan;
using sql::PlanKind;

namespace {

constexpr size_t kGroupBytes = 96;
constexpr std::string_view kOperator = "GROUP BY";

// An aggregate call's place among the evaluated expressions, and its states.
struct Call {
  size_t first_arg = 0;
  size_t arg_count = 0;
  int filter = -1;
  std::unique_ptr<AggregateFunction> function;
  std::unique_ptr<AggregateStates> states;
};

// The windows of a batch's rows: row `rows[i]` is in the window that starts at `starts[i]`.
struct Windows {
  std::vector<uint32_t> rows;
  std::vector<int64_t> starts;
};

Result<Windows> WindowsOf(const Plan& node, const Column& time) {
  Windows windows;
  const data::Reader<int64_t> times(time);
  const int64_t reach =
      node.window_size_us + node.window_slide_us + std::abs(node.window_offset_us);
  for (uint32_t row = 0; row < time.length(); ++row) {
    if (time.IsNull(row)) continue;
    if (times[row] > INT64_MAX - reach || times[row] < INT64_MIN + reach) {
      return Fail(ErrorCode::kInvalidArgument,
                  "[DATETIME_OVERFLOW] the window of a time at the end of the range cannot be "
                  "represented");
    }
    const int64_t since = times[row] - node.window_offset_us;
    const int64_t into =
        (since % node.window_slide_us + node.window_slide_us) % node.window_slide_us;
    const int64_t last = times[row] - into;
    for (int64_t start = last; start > times[row] - node.window_size_us;
         start -= node.window_slide_us) {
      windows.rows.push_back(row);
      windows.starts.push_back(start);
    }
  }
  return windows;
}

ColumnPtr TimeColumn(const std::vector<int64_t>& starts, int64_t add) {
  data::ColumnBuilder out(DataType::Timestamp(), starts.size());
  for (size_t i = 0; i < starts.size(); ++i) out.Values<int64_t>()[i] = starts[i] + add;
  return std::move(out).Finish();
}

class Groups {
 public:
  Groups(BatchRun& run, const Plan& node) : run_(run), node_(node) {}

  // Expressions in this order: [window time,] keys, then each call's arguments and filter.
  Status Prepare() {
    std::vector<sql::ExprPtr> expressions;
    if (windowed()) expressions.push_back(node_.window_time);
    first_key_ = expressions.size();
    expressions.insert(expressions.end(), node_.group_keys.begin(), node_.group_keys.end());
    for (const sql::AggregateCall& aggregate : node_.aggregates) {
      Call& call = calls_.emplace_back();
      call.first_arg = expressions.size();
      call.arg_count = aggregate.args.size();
      expressions.insert(expressions.end(), aggregate.args.begin(), aggregate.args.end());
      if (aggregate.filter) {
        call.filter = static_cast<int>(expressions.size());
        expressions.push_back(aggregate.filter);
      }
      MR_ASSIGN(call.function, AggregateFunction::Make(aggregate));
      call.states = call.function->NewStates();
    }
    MR_ASSIGN(evaluator_, Evaluator::Make(expressions));
    // Without keys there is one group, rows or not.
    if (!windowed() && node_.group_keys.empty()) GroupOf("");
    ResizeStates();
    return {};
  }

  Status Add(const Batch& batch) {
    RowErrors errors(batch.rows);
    std::vector<ColumnPtr> columns =
        evaluator_->Evaluate(batch, RowSet::All(batch.rows), run_.context(), errors);
    MR_TRY(BatchRun::Refuse(errors));
    size_t rows = batch.rows;
    std::vector<ColumnPtr> keys;
    if (windowed()) {
      MR_ASSIGN(const Windows windows, WindowsOf(node_, *columns[0]));
      rows = windows.rows.size();
      for (ColumnPtr& column : columns) column = Column::Take(column, windows.rows);
      keys.push_back(TimeColumn(windows.starts, 0));
    }
    keys.insert(keys.end(), columns.begin() + static_cast<ptrdiff_t>(first_key_),
                columns.begin() + static_cast<ptrdiff_t>(first_key_ + node_.group_keys.size()));
    std::vector<uint32_t> groups(rows);
    for (size_t row = 0; row < rows; ++row) groups[row] = GroupOf(KeyOf(keys, row));
    ResizeStates();
    for (Call& call : calls_) Update(call, columns, groups, rows);
    rows_seen_ += static_cast<int64_t>(rows);
    return Count();
  }

  Status Emit(const BatchSink& sink) {
    for (size_t at = 0; at < keys_.size(); at += kBatchRows) {
      const size_t count = std::min(kBatchRows, keys_.size() - at);
      std::vector<uint32_t> groups(count);
      for (size_t i = 0; i < count; ++i) groups[i] = static_cast<uint32_t>(at + i);
      MR_ASSIGN(Batch batch, BatchOf(groups));
      MR_TRY(sink(std::move(batch)));
    }
    return run_.Hold(held_, 0, kOperator);
  }

 private:
  bool windowed() const { return node_.kind == PlanKind::kWindowAggregate; }

  uint32_t GroupOf(std::string key) {
    const auto [entry, is_new] =
        by_key_.try_emplace(std::move(key), static_cast<uint32_t>(keys_.size()));
    if (is_new) {
      keys_.push_back(&entry->first);
      key_bytes_ += kGroupBytes + entry->first.size();
    }
    return entry->second;
  }

  void ResizeStates() {
    for (Call& call : calls_) call.states->Resize(keys_.size());
  }

  void Update(Call& call, const std::vector<ColumnPtr>& columns,
              const std::vector<uint32_t>& groups, size_t rows) {
    std::vector<uint32_t> passed;
    RowSet set = RowSet::All(rows);
    if (call.filter >= 0) {
      passed = SelectTrue(*columns[static_cast<size_t>(call.filter)], set);
      set = RowSet::Of(passed);
    }
    const auto args = std::span(columns).subspan(call.first_arg, call.arg_count);
    call.states->Update({.args = args,
                         .groups = groups,
                         .rows = set,
                         .offsets = {},
                         .ordinals = {},
                         .first_row = rows_seen_});
  }

  Status Count() {
    size_t bytes = key_bytes_;
    for (const Call& call : calls_) bytes += call.states->MemoryBytes();
    const size_t before = std::exchange(held_, bytes);
    return run_.Hold(before, bytes, kOperator);
  }

  Result<Batch> BatchOf(const std::vector<uint32_t>& groups) {
    Batch batch{.schema = std::make_shared<const data::Schema>(node_.schema),
                .columns = KeyColumns(groups),
                .rows = groups.size()};
    for (const Call& call : calls_) {
      RowErrors errors(groups.size());
      batch.columns.push_back(call.states->Finish(groups, errors));
      MR_TRY(BatchRun::Refuse(errors));
    }
    return batch;
  }

  std::vector<ColumnPtr> KeyColumns(const std::vector<uint32_t>& groups) const {
    std::vector<DataType> types;
    if (windowed()) types.push_back(DataType::Timestamp());
    for (const sql::ExprPtr& key : node_.group_keys) types.push_back(key->type);
    std::vector<std::vector<data::Value>> values(types.size());
    for (const uint32_t group : groups) {
      ByteReader reader(*keys_[group]);
      for (size_t i = 0; i < types.size(); ++i)
        values[i].push_back(ReadKey(types[i], reader).value_or(data::Value::Null()));
    }
    std::vector<ColumnPtr> columns;
    for (size_t i = 0; i < types.size(); ++i) {
      columns.push_back(windowed() && i == 0 ? WindowColumn(values[0])
                                             : data::ColumnFromValues(types[i], values[i]));
    }
    return columns;
  }

  ColumnPtr WindowColumn(const std::vector<data::Value>& starts) const {
    std::vector<int64_t> times;
    for (const data::Value& start : starts) times.push_back(start.integer());
    data::ColumnBuilder out(*node_.schema.fields[0].type, times.size());
    out.SetChildren({TimeColumn(times, 0), TimeColumn(times, node_.window_size_us)});
    return std::move(out).Finish();
  }

  BatchRun& run_;
  const Plan& node_;
  std::unique_ptr<Evaluator> evaluator_;
  size_t first_key_ = 0;
  std::vector<Call> calls_;
  std::unordered_map<std::string, uint32_t> by_key_;
  std::vector<const std::string*> keys_;  // by group, in the order they were first seen
  size_t key_bytes_ = 0;
  size_t held_ = 0;
  int64_t rows_seen_ = 0;
};

}  // namespace

Status RunAggregate(BatchRun& run, const Plan& node, const BatchSink& sink) {
  Groups groups(run, node);
  MR_TRY(groups.Prepare());
  MR_TRY(run.Run(*node.inputs[0], [&](Batch batch) { return groups.Add(batch); }));
  return groups.Emit(sink);
}

}  // namespace millrace::engine
