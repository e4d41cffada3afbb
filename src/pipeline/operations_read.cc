// Operations that only read: query, tail, topics, tables.
#include <algorithm>

#include "engine/format.h"
#include "flow/dead_letter.h"
#include "pipeline/aligned_text.h"
#include "pipeline/json_text.h"
#include "pipeline/message_scan.h"
#include "pipeline/operation.h"
#include "pipeline/select.h"

namespace millrace::pipeline {
namespace {

Result<engine::OutputFormat> FormatOf(const OperationRequest& request) {
  const std::string format = request.Flag("format", request.Switch("json") ? "json" : "table");
  if (format == "table") return engine::OutputFormat::kTable;
  if (format == "json") return engine::OutputFormat::kJson;
  if (format == "csv") return engine::OutputFormat::kCsv;
  return Fail(ErrorCode::kInvalidArgument, "no format \"{}\": table, json and csv are there",
              format);
}

struct TailState {
  std::vector<Offset> next;
  int64_t left = -1;  // records still to show; -1: no bound
};

std::string RecordLine(const std::string& topic, PartitionId partition,
                       const flow::RecordView& record, bool json) {
  if (!json) {
    const std::string_view value = record.value == nullptr ? "(tombstone)" : record.value_view();
    const std::string_view addressee = flow::AddresseeOf(record);
    return fmt::format("{}/{}@{}  {}  {}{}\n", topic, partition, record.offset,
                       record.key == nullptr ? "-" : record.key_view(), value,
                       addressee.empty() ? "" : fmt::format("  (replayed for {})", addressee));
  }
  JsonText line;
  line.Field("topic", topic)
      .Field("partition", int64_t{partition.value})
      .Field("offset", record.offset.value);
  line.Field("timestamp_ms", record.timestamp.value);
  if (record.key != nullptr) line.Field("key", record.key_view());
  if (record.value != nullptr) line.Field("value", record.value_view());
  if (const auto headers = flow::DecodeHeaders(record.raw_headers); headers && !headers->empty()) {
    JsonText inner;
    for (const flow::Header& header : *headers) inner.Field(header.key, header.value);
    line.Raw("headers", inner.Object());
  }
  return line.Object() + '\n';
}

Status ShowNew(flow::Source& source, TailState& state, bool json, Output& output) {
  constexpr size_t kBytesPerRead = size_t{1} << 20;
  for (size_t p = 0; p < state.next.size() && state.left != 0; ++p) {
    const PartitionId partition(static_cast<int32_t>(p));
    while (state.left != 0) {
      MR_ASSIGN(const flow::OffsetRange range, source.Readable(partition));
      if (state.next[p] >= range.end) break;
      MR_ASSIGN(const flow::RecordBlock block,
                source.Read(partition, state.next[p], range.end, kBytesPerRead));
      std::string text;
      for (const flow::RecordView& record : block.records) {
        if (state.left == 0) break;
        if (state.left > 0) --state.left;
        text += RecordLine(source.topic(), partition, record, json);
      }
      state.next[p] = block.next;
      if (!text.empty()) MR_TRY(output.Write(text));
    }
  }
  return {};
}

std::string_view KindOf(const store::ColumnSchema& column) {
  switch (column.kind) {
    case store::ColumnKind::kPartitionKey:
      return "partition_key";
    case store::ColumnKind::kClustering:
      return column.descending ? "clustering_desc" : "clustering";
    case store::ColumnKind::kStatic:
      return "static";
    case store::ColumnKind::kRegular:
      break;
  }
  return "regular";
}

// One object a column.
std::string TableJson(const store::TableSchema& schema) {
  std::string lines;
  for (const store::ColumnSchema& column : schema.columns) {
    lines += JsonText()
                 .Field("table", schema.FullName())
                 .Field("column", column.name)
                 .Field("type", column.type.ToString())
                 .Field("kind", KindOf(column))
                 .Object() +
             '\n';
  }
  return lines;
}

// Only while nothing writes: a query holds its tables. The next run makes the table afresh where
// the project has it, and a replay fills it.
Status DropTable(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.arguments.size() != 1)
    return Fail(ErrorCode::kInvalidArgument, "tables --drop needs one table");
  const std::string& name = request.arguments[0];
  MR_ASSIGN(const store::TableHandle table, context.workspace.FindTable(name));
  if (context.runner != nullptr) {
    return std::unexpected(Error{ErrorCode::kUnavailable,
                                 fmt::format("table {} is in use by the running pipeline", name),
                                 "stop the pipeline first"});
  }
  if (context.workspace.project().cassandra) {
    return std::unexpected(Error{ErrorCode::kUnsupported,
                                 fmt::format("table {} is kept in Cassandra", name),
                                 "drop it with the cluster's own tools"});
  }
  if (!request.Switch("yes")) {
    return std::unexpected(Error{
        ErrorCode::kInvalidArgument,
        fmt::format("table {} and all its rows would be dropped for good", name),
        fmt::format("add --yes; `millrace replay {}` then rebuilds what the log still has", name)});
  }
  MR_TRY(context.workspace.store().DropTable(table->schema.keyspace, table->schema.name));
  return output.Write(request.Switch("json") ? JsonText().Field("dropped", name).Object() + '\n'
                                             : fmt::format("table {} dropped\n", name));
}

}  // namespace

Status QueryOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.arguments.size() != 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "query needs one SELECT, e.g. \"SELECT count(*) FROM users.by_id\"");
  }
  MR_ASSIGN(const engine::OutputFormat format, FormatOf(request));
  MR_ASSIGN(const sql::PlanPtr plan, BindSelect(context.workspace.project(), request.arguments[0]));
  if (request.Switch("explain")) return output.Write(sql::ToString(*plan));

  const auto formatter = engine::ResultFormatter::Make(format, plan->schema, TimeZone::Utc());
  Status written;
  std::string text;
  const auto end =
      RunSelect(context.workspace, *plan, context.cancel, [&](const data::Batch& batch) {
        text.clear();
        formatter->Add(batch, text);
        if (!text.empty()) written = output.Write(text);
        return written.has_value();
      });
  if (!end) return std::unexpected(end.error());
  MR_TRY(written);
  text.clear();
  formatter->Finish(text);
  MR_TRY(output.Write(text));
  if (end->unreadable_records > 0) {
    return output.Note(fmt::format("{} records of topics do not fit their schema and were left out",
                                   end->unreadable_records));
  }
  return {};
}

Status TailOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.arguments.size() != 1)
    return Fail(ErrorCode::kInvalidArgument, "tail needs one topic");
  MR_ASSIGN(const int64_t count, request.Number("last", 10));
  MR_ASSIGN(const auto source, context.workspace.topics().OpenSource(request.arguments[0], {}));
  const bool follow = request.Switch("follow");
  const bool json = request.Switch("json");
  TailState state;
  MR_ASSIGN(state.next, OffsetsOfLast(*source, request.Switch("all") ? INT64_MAX : count));
  const CancelToken::Watch wake(context.cancel, [&] { source->Wake(); });
  if (!follow && !request.Switch("all")) state.left = count;
  while (true) {
    MR_TRY(ShowNew(*source, state, json, output));
    if (!follow || context.cancel.cancelled()) return {};
    // Whoever watches may have gone: an empty write every second finds out.
    if (!source->WaitBeyond(state.next, std::chrono::seconds(1))) MR_TRY(output.Note(""));
  }
}

Status TopicsOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  std::vector<std::vector<std::string>> rows = {
      {"TOPIC", "PARTITION", "START", "END", "READABLE", "CLEANUP"}};
  std::string json;
  connect::Topics& topics = context.workspace.topics();
  MR_ASSIGN(const std::vector<log::TopicSpec> specs, topics.List());
  for (const log::TopicSpec& topic : specs) {
    if (topic.internal && !request.Switch("internal")) continue;
    for (int32_t p = 0; p < topic.partitions; ++p) {
      const auto offsets = topics.Offsets(topic.name, PartitionId(p));
      const std::string_view cleanup =
          topic.cleanup == log::Cleanup::kCompact ? "compact" : "delete";
      if (!offsets) {
        rows.push_back({topic.name, std::to_string(p), "damaged", "", "", std::string(cleanup)});
        json += JsonText()
                    .Field("topic", topic.name)
                    .Field("partition", int64_t{p})
                    .Field("error", offsets.error().message)
                    .Object() +
                '\n';
        continue;
      }
      rows.push_back({topic.name, std::to_string(p), std::to_string(offsets->start.value),
                      std::to_string(offsets->end.value),
                      std::to_string(offsets->last_stable.value), std::string(cleanup)});
      json += JsonText()
                  .Field("topic", topic.name)
                  .Field("partition", int64_t{p})
                  .Field("start", offsets->start.value)
                  .Field("end", offsets->end.value)
                  .Field("last_stable", offsets->last_stable.value)
                  .Field("cleanup", cleanup)
                  .Object() +
              '\n';
    }
  }
  if (request.Switch("json")) return output.Write(json);
  MR_TRY(output.Write(AlignedText(rows)));
  if (topics.external()) return {};
  return output.Note(fmt::format("log: {} on disk", ShortBytes(topics.DiskBytes())));
}

Status TablesOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.Switch("drop")) return DropTable(context, request, output);
  if (!request.arguments.empty()) {
    MR_ASSIGN(const store::TableHandle table, context.workspace.FindTable(request.arguments[0]));
    return output.Write(request.Switch("json") ? TableJson(table->schema)
                                               : table->schema.ToCql() + "\n");
  }
  std::vector<std::vector<std::string>> rows = {
      {"TABLE", "PARTITION KEY", "CLUSTERING", "COLUMNS"}};
  std::string json;
  for (const store::TableHandle& table : context.workspace.store().Tables()) {
    std::string partition;
    std::string clustering;
    for (const store::ColumnSchema& column : table->schema.columns) {
      if (column.kind == store::ColumnKind::kPartitionKey)
        partition += (partition.empty() ? "" : ", ") + column.name;
      if (column.kind == store::ColumnKind::kClustering) {
        clustering +=
            (clustering.empty() ? "" : ", ") + column.name + (column.descending ? " DESC" : "");
      }
    }
    rows.push_back({table->schema.FullName(), partition, clustering,
                    std::to_string(table->schema.columns.size())});
    json += JsonText()
                .Field("table", table->schema.FullName())
                .Field("partition_key", partition)
                .Field("clustering", clustering)
                .Field("columns", static_cast<int64_t>(table->schema.columns.size()))
                .Object() +
            '\n';
  }
  return output.Write(request.Switch("json") ? json : AlignedText(rows));
}

}  // namespace millrace::pipeline
