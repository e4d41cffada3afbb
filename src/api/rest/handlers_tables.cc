// Tables, their rows, and one bounded SELECT.
#include <algorithm>
#include <condition_variable>
#include <thread>

#include "api/rest/answers.h"
#include "api/rest/paging.h"
#include "data/json_writer.h"
#include "pipeline/select.h"

namespace millrace::api::rest {
namespace {

using pipeline::JsonList;
using pipeline::JsonText;

constexpr size_t kAnswerBytesMax = size_t{8} << 20;

std::string_view KindName(store::ColumnKind kind) {
  switch (kind) {
    case store::ColumnKind::kPartitionKey:
      return "partition_key";
    case store::ColumnKind::kClustering:
      return "clustering";
    case store::ColumnKind::kStatic:
      return "static";
    case store::ColumnKind::kRegular:
      break;
  }
  return "regular";
}

std::string TableJson(const Call& call, const store::TableSchema& schema) {
  JsonList partition;
  JsonList clustering;
  for (const store::ColumnSchema& column : schema.columns) {
    if (column.kind == store::ColumnKind::kPartitionKey) partition.AddText(column.name);
    if (column.kind == store::ColumnKind::kClustering) clustering.AddText(column.name);
  }
  JsonList writers;
  for (const pipeline::QueryDef& query : call.workspace.project().queries) {
    if (std::ranges::find(query.tables, schema.FullName()) != query.tables.end())
      writers.AddText(query.name);
  }
  return JsonText()
      .Field("table", schema.FullName())
      .Raw("partition_key", partition.Array())
      .Raw("clustering", clustering.Array())
      .Field("columns", static_cast<int64_t>(schema.columns.size()))
      .Raw("written_by", writers.Array())
      .Object();
}

// Cancels when the time is up or the process stops, unless it is gone by then.
class TimeLimit {
 public:
  TimeLimit(CancelToken& cancel, CancelToken& stopping, std::chrono::milliseconds limit)
      : stop_(stopping, [&cancel] { cancel.Cancel(); }), thread_([this, &cancel, limit] {
          std::unique_lock lock(mutex_);
          if (done_.wait_for(lock, limit, [this] { return is_done_; })) return;
          is_up_ = true;
          cancel.Cancel();
        }) {}
  ~TimeLimit() {
    {
      const std::lock_guard lock(mutex_);
      is_done_ = true;
    }
    done_.notify_all();
    thread_.join();
  }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  bool is_up() const {
    const std::lock_guard lock(mutex_);
    return is_up_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
  bool is_up_ = false;
  CancelToken::Watch stop_;
  std::thread thread_;
};

// Rows of a result as they come, up to a bound.
class Rows {
 public:
  Rows(const data::Schema& schema, int64_t rows_max)
      : writer_(schema, TimeZone::Utc(), {.keep_nulls = true}), left_(rows_max) {}

  // False when no more is wanted.
  bool Add(const data::Batch& batch) {
    for (size_t row = 0; row < batch.rows; ++row) {
      if (left_-- == 0 || bytes_ >= kAnswerBytesMax) {
        truncated_ = true;
        return false;
      }
      text_.clear();
      writer_.AppendRow(batch, row, text_);
      bytes_ += text_.size();
      items_.Add(text_);
    }
    return true;
  }
  bool truncated() const { return truncated_; }
  const JsonList& items() const { return items_; }

 private:
  data::JsonWriter writer_;
  int64_t left_;
  size_t bytes_ = 0;
  bool truncated_ = false;
  std::string text_;
  JsonList items_;
};

int64_t NumberOf(const data::JsonValue& body, std::string_view name, int64_t fallback) {
  const data::JsonValue* value = body.Find(name);
  return value == nullptr ? fallback : std::stoll(value->text);
}

}  // namespace

Result<Answer> ListTables(Call& call) {
  std::vector<std::pair<std::string, store::TableHandle>> tables;
  for (const store::TableHandle& table : call.workspace.store().Tables())
    tables.emplace_back(table->schema.FullName(), table);
  std::ranges::sort(tables, {}, [](const auto& table) -> const auto& { return table.first; });
  return PageByName(
      call, tables, [](const auto& table) -> const std::string& { return table.first; },
      [&](const auto& table) { return TableJson(call, table.second->schema); });
}

Result<Answer> GetTable(Call& call) {
  MR_ASSIGN(const store::TableHandle table, call.workspace.FindTable(call.Text("table")));
  const auto bytes = call.workspace.store().ApproximateBytes(table);
  if (!bytes && bytes.error().code != ErrorCode::kUnsupported)
    return std::unexpected(bytes.error());
  JsonList columns;
  for (const store::ColumnSchema& column : table->schema.columns) {
    columns.Add(JsonText()
                    .Field("name", column.name)
                    .Field("type", column.type.ToString())
                    .Field("kind", KindName(column.kind))
                    .Field("descending", column.descending)
                    .Object());
  }
  return Answer{JsonText()
                    .Raw("summary", TableJson(call, table->schema))
                    .Raw("columns", columns.Array())
                    .Field("cql", table->schema.ToCql())
                    .Raw("approximate_bytes", bytes ? std::to_string(*bytes) : "null")
                    .Object()};
}

Result<Answer> ListRows(Call& call) {
  MR_ASSIGN(const store::TableHandle table, call.workspace.FindTable(call.Text("table")));
  store::ScanRequest request;
  request.rows_max = static_cast<size_t>(call.Integer("limit"));
  if (call.Has("cursor")) request.paging_state = call.Text("cursor");
  MR_ASSIGN(const store::ScanPage page, call.workspace.store().Scan(table, request));
  const data::JsonWriter writer(table->sql, TimeZone::Utc(), {.keep_nulls = true});
  JsonList items;
  std::string text;
  for (size_t row = 0; row < page.rows.rows; ++row) {
    text.clear();
    writer.AppendRow(page.rows, row, text);
    items.Add(text);
  }
  return PageAnswer(items,
                    page.paging_state.empty() ? std::nullopt : std::optional(page.paging_state));
}

Result<Answer> RunSql(Call& call) {
  const std::string& text = call.body.Find("sql")->text;
  MR_ASSIGN(const sql::PlanPtr plan, pipeline::BindSelect(call.workspace.project(), text));
  Rows rows(plan->schema, NumberOf(call.body, "rows_max", 100));
  const data::JsonValue* const explain = call.body.Find("explain");
  pipeline::SelectEnd end;
  if (explain == nullptr || explain->text != "true") {
    const int64_t timeout_ms = NumberOf(call.body, "timeout_ms", 10000);
    CancelToken cancel;
    TimeLimit limit(cancel, call.stopping, std::chrono::milliseconds(timeout_ms));
    auto ran = pipeline::RunSelect(call.workspace, *plan, cancel,
                                   [&](const data::Batch& batch) { return rows.Add(batch); });
    if (!ran && limit.is_up())
      return Fail(ErrorCode::kTimeout, "the SELECT took longer than timeout_ms = {}", timeout_ms);
    if (!ran) return std::unexpected(std::move(ran.error()));
    end = *ran;
  }
  JsonList columns;
  for (const data::Field& field : plan->schema.fields) {
    columns.Add(
        JsonText().Field("name", field.name).Field("type", field.type->ToString()).Object());
  }
  return Answer{JsonText()
                    .Raw("columns", columns.Array())
                    .Raw("rows", rows.items().Array())
                    .Field("truncated", rows.truncated())
                    .Field("rows_read", end.stats.rows_read)
                    .Field("unreadable_records", end.unreadable_records)
                    .Field("plan", sql::ToString(*plan))
                    .Object()};
}

}  // namespace millrace::api::rest
