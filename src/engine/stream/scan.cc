#include "engine/stream/scan.h"

#include "base/check.h"

namespace millrace::engine {
namespace {

using data::ColumnBuilder;
using data::ColumnPtr;
using data::DataType;
using data::Value;

bool IsHidden(const sql::Plan& node, std::string_view name) {
  if (node.relation.schema.IndexOf(name) >= 0) return false;  // the topic's own column of that name
  return sql::TopicMetadataColumns().IndexOf(name) >= 0;
}

ColumnPtr KeyColumn(const Chunk& chunk) {
  ColumnBuilder out(DataType::String(), chunk.count);
  for (size_t i = 0; i < chunk.count; ++i) {
    if (chunk.record(i).key == nullptr) {
      out.SetNull(i);
    } else {
      out.Values<std::string_view>()[i] = chunk.record(i).key_view();
    }
  }
  out.AddOwner(chunk.block);
  return std::move(out).Finish();
}

template <typename F>
ColumnPtr LongColumn(const DataType& type, const Chunk& chunk, F&& value_of) {
  ColumnBuilder out(type, chunk.count);
  for (size_t i = 0; i < chunk.count; ++i) out.Values<int64_t>()[i] = value_of(chunk.record(i));
  return std::move(out).Finish();
}

// A record whose header block cannot be read has NULL headers: its value may be good all the same.
ColumnPtr HeadersColumn(const Chunk& chunk) {
  std::vector<Value> values;
  for (size_t i = 0; i < chunk.count; ++i) {
    auto headers = flow::DecodeHeaders(chunk.record(i).raw_headers);
    if (!headers) {
      values.push_back(Value::Null());
      continue;
    }
    Value::Pairs pairs;
    for (flow::Header& header : *headers) {
      pairs.emplace_back(Value::String(std::move(header.key)),
                         Value::String(std::move(header.value)));
    }
    values.push_back(Value::MapOf(std::move(pairs)));
  }
  return data::ColumnFromValues(DataType::Map(DataType::String(), DataType::Binary()), values);
}

}  // namespace

Result<ColumnPtr> RecordColumn(const Chunk& chunk, std::string_view name) {
  if (name == "_key") return KeyColumn(chunk);
  if (name == "_topic")
    return data::Column::Constant(DataType::String(), Value::String(chunk.topic), chunk.count);
  if (name == "_partition") {
    return data::Column::Constant(DataType::Int(), Value::Int(chunk.partition.value), chunk.count);
  }
  if (name == "_offset") {
    return LongColumn(DataType::Bigint(), chunk,
                      [](const flow::RecordView& record) { return record.offset.value; });
  }
  if (name == "_timestamp") {
    return LongColumn(DataType::Timestamp(), chunk,
                      [](const flow::RecordView& record) { return record.timestamp.value * 1000; });
  }
  if (name == "_headers") return HeadersColumn(chunk);
  return Fail(ErrorCode::kInternal, "topics have no hidden column {}", name);
}

Result<std::unique_ptr<ScanReader>> ScanReader::Make(const sql::Plan& node,
                                                     const ScanOptions& options) {
  std::unique_ptr<ScanReader> reader(new ScanReader(node, options));
  reader->schema_ = std::make_shared<const data::Schema>(node.schema);
  data::Schema json;
  for (int i = 0; i < static_cast<int>(node.schema.fields.size()); ++i) {
    const data::Field& field = node.schema.fields[static_cast<size_t>(i)];
    if (IsHidden(node, field.name)) {
      reader->record_columns_.push_back(i);
    } else {
      reader->json_columns_.push_back(i);
      json.fields.push_back(field);
    }
  }
  MR_ASSIGN(reader->json_, data::JsonReader::Make(json));
  if (node.event_time < 0 && node.event_time_expr != nullptr) {
    MR_ASSIGN(reader->event_time_, Evaluator::Make(std::span(&node.event_time_expr, 1)));
  }
  return reader;
}

Rows ScanReader::Read(ChunkContext& context, int64_t& event_time_max_us) {
  Rows rows = ReadValues(context);
  AddRecordColumns(rows, context.chunk);
  if (HasEventTime(node_)) CheckEventTimes(rows, context, event_time_max_us);
  return rows;
}

// Records that cannot be read never become rows: taking them out again would cost a pass over all
// columns.
Rows ScanReader::ReadValues(ChunkContext& context) {
  const Chunk& chunk = context.chunk;
  values_.resize(chunk.count);
  for (size_t i = 0; i < chunk.count; ++i) values_[i] = chunk.record(i).value_view();
  data::RowErrors errors(chunk.count);
  Rows rows;
  data::Batch read = json_->ReadGood(values_, chunk.block, errors, rows.record);
  rows.batch.schema = schema_;
  rows.batch.rows = read.rows;
  rows.batch.columns.resize(schema_->fields.size());
  for (size_t i = 0; i < json_columns_.size(); ++i)
    rows.batch.columns[static_cast<size_t>(json_columns_[i])] = std::move(read.columns[i]);
  rows.place.resize(read.rows);
  for (size_t row = 0; row < read.rows; ++row)
    rows.place[row] = chunk.record(rows.record[row]).offset.value;
  for (const data::RowError& error : errors.errors())
    context.refusals.push_back({error.row, 0, "parse", error.condition, error.message});
  return rows;
}

void ScanReader::AddRecordColumns(Rows& rows, const Chunk& chunk) const {
  for (const int ordinal : record_columns_) {
    const auto at = static_cast<size_t>(ordinal);
    Result<ColumnPtr> column = RecordColumn(chunk, schema_->fields[at].name);
    MR_CHECK(column.has_value(), "every hidden column can be made");
    const bool all = rows.record.size() == chunk.count;
    rows.batch.columns[at] = all ? *std::move(column) : data::Column::Take(*column, rows.record);
  }
}

ColumnPtr ScanReader::EventTimes(const Rows& rows, data::RowErrors& errors) const {
  if (event_time_ == nullptr) return rows.batch.columns[static_cast<size_t>(node_.event_time)];
  const EvalContext nothing;  // an event time depends on its record alone
  return event_time_->Evaluate(rows.batch, data::RowSet::All(rows.batch.rows), nothing, errors)[0];
}

void ScanReader::CheckEventTimes(Rows& rows, ChunkContext& context,
                                 int64_t& event_time_max_us) const {
  data::RowErrors errors(rows.batch.rows);
  const ColumnPtr times = EventTimes(rows, errors);
  const data::Reader<int64_t> time(*times);
  for (size_t row = 0; row < rows.batch.rows; ++row) {
    if (errors.Has(row)) continue;
    if (times->IsNull(row)) {
      if (options_.needs_event_time)
        errors.Add(row, "EVENT_TIME_NULL", "the event time is NULL: no window holds the row");
      continue;
    }
    const int64_t stamp_us = context.chunk.record(rows.record[row]).timestamp.value * 1000;
    if (time[row] > stamp_us + options_.max_future_skew_us) {
      errors.Add(row, "EVENT_TIME_IN_FUTURE",
                 fmt::format("event time {} is more than {} ms after the record's own time {}",
                             data::FormatTimestamp(time[row]), options_.max_future_skew_us / 1000,
                             data::FormatTimestamp(stamp_us)));
      continue;
    }
    event_time_max_us = std::max(event_time_max_us, time[row]);
  }
  RefuseRows(rows, errors, "event_time", context);
}

}  // namespace millrace::engine
