// Operations that change data: produce, dead-letters, replay, backup; and status.
#include <algorithm>
#include <deque>

#include "base/logging.h"
#include "flow/dead_letter.h"
#include "pipeline/aligned_text.h"
#include "pipeline/backup.h"
#include "pipeline/json_text.h"
#include "pipeline/letters.h"
#include "pipeline/operation.h"
#include "pipeline/runner.h"
#include "schedule/civil.h"

namespace millrace::pipeline {
namespace {

// One line of input: the value, or "key<separator>value".
flow::OutRecord RecordOf(std::string_view line, std::string_view separator) {
  if (separator.empty()) return {std::nullopt, std::string(line), {}};
  const size_t at = line.find(separator);
  if (at == std::string_view::npos) return {std::nullopt, std::string(line), {}};
  return {std::string(line.substr(0, at)), std::string(line.substr(at + separator.size())), {}};
}

LetterFilter FilterOf(const OperationRequest& request) {
  return {request.Flag("query"), request.Flag("condition")};
}

Status ListLetters(OperationContext& context, const OperationRequest& request, Output& output) {
  MR_ASSIGN(const LetterGroups letters, GroupLetters(context.workspace, INT64_MAX, context.cancel));
  std::vector<std::vector<std::string>> rows = {
      {"TOPIC", "QUERY", "STAGE", "CONDITION", "COUNT", "LAST AT", "LAST REASON"}};
  std::string json;
  for (const LetterGroup& group : letters.groups) {
    const std::string place = flow::ToString(group.last_origin);
    rows.push_back({group.topic, group.query, group.stage, group.condition,
                    std::to_string(group.count), place, group.last_message.substr(0, 80)});
    json += JsonText()
                .Field("topic", group.topic)
                .Field("query", group.query)
                .Field("stage", group.stage)
                .Field("condition", group.condition)
                .Field("count", group.count)
                .Field("last_origin", place)
                .Field("last_message", group.last_message)
                .Object() +
            '\n';
  }
  if (request.Switch("json")) return output.Write(json);
  MR_TRY(output.Write(AlignedText(rows)));
  return output.Note(
      rows.size() == 1 ? "no dead letters"
                       : "one by one: millrace dead-letters show TOPIC [--condition C] [--last N]");
}

std::string LetterLine(const flow::DeadLetter& letter, PartitionId partition,
                       const flow::RecordView& record) {
  JsonText json;
  json.Field("partition", int64_t{partition.value})
      .Field("offset", record.offset.value)
      .Field("origin", flow::ToString(letter.origin));
  json.Field("origin_topic", letter.origin.topic)
      .Field("origin_partition", int64_t{letter.origin.partition.value});
  json.Field("origin_offset", letter.origin.offset.value)
      .Field("ordinal", int64_t{letter.origin.ordinal});
  json.Field("query", letter.query)
      .Field("stage", letter.stage)
      .Field("condition", letter.condition)
      .Field("message", letter.message);
  json.Field("epoch", letter.epoch.value);
  if (letter.key) json.Field("key", *letter.key);
  if (letter.value) json.Field("value", *letter.value);
  return json.Object() + '\n';
}

Status ShowLetters(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.arguments.size() != 2)
    return Fail(ErrorCode::kInvalidArgument, "dead-letters show needs a topic");
  const LetterFilter filter = FilterOf(request);
  MR_ASSIGN(const int64_t last, request.Number("last", -1));  // -1: all of them
  std::deque<std::string> kept;
  MR_TRY(VisitLetters(context.workspace, request.arguments[1], context.cancel,
                      [&](const flow::DeadLetter& letter, PartitionId partition,
                          const flow::RecordView& record) -> Status {
                        if (!filter.Takes(letter)) return {};
                        std::string line = LetterLine(letter, partition, record);
                        if (last < 0) return output.Write(line);
                        kept.push_back(std::move(line));
                        if (std::ssize(kept) > last) kept.pop_front();
                        return {};
                      }));
  for (const std::string& line : kept) MR_TRY(output.Write(line));
  return {};
}

Status ReplayLetters(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.arguments.size() != 2)
    return Fail(ErrorCode::kInvalidArgument, "dead-letters replay needs a topic");
  MR_ASSIGN(const ReplayedLetters done,
            pipeline::ReplayLetters(context.workspace, request.arguments[1], FilterOf(request),
                                    context.cancel));
  if (done.without_record > 0) {
    MR_TRY(output.Note(
        fmt::format("{} letters are about rows of windows: they have no record to replay",
                    done.without_record)));
  }
  if (done.replayed == 0) return output.Write("no dead letter to replay\n");
  return output.Write(fmt::format(
      "{} records appended to the topics they came from, for the queries that refused them\n",
      done.replayed));
}

std::string QueryLine(const QueryStatus& query) {
  int64_t lag = 0;
  for (const engine::PartitionMetrics& partition : query.metrics.partitions)
    lag += partition.lag_records;
  // Replayed records of other queries are rare: told only when there were some.
  const std::string skipped =
      query.metrics.skipped == 0 ? "" : fmt::format("  skipped {}", query.metrics.skipped);
  return fmt::format("query {:<20} {}  in {}  out {}  rejected {}  late {}{}  lag {}  epoch {}{}\n",
                     query.name, query.running ? "running" : "STOPPED", query.metrics.records_in,
                     query.metrics.rows_out, query.metrics.rejected, query.metrics.late, skipped,
                     lag, query.metrics.epoch, query.failure.empty() ? "" : "\n  " + query.failure);
}

}  // namespace

Status ProduceOperation(OperationContext& context, const OperationRequest& request,
                        Output& output) {
  if (request.arguments.size() != 1)
    return Fail(ErrorCode::kInvalidArgument, "produce needs one topic");
  const std::string& topic = request.arguments[0];
  connect::Topics& topics = context.workspace.topics();
  MR_ASSIGN(const log::TopicSpec spec, topics.Find(topic));
  if (spec.internal) return Fail(ErrorCode::kInvalidArgument, "{} is an internal topic", topic);
  MR_ASSIGN(const int64_t sequence, request.Number("sequence", 1));
  const std::string owner = fmt::format("produce/{}/{}", topic, request.Flag("session", "0"));
  MR_ASSIGN(const auto transaction, topics.transactions().Begin(owner));
  int64_t count = 0;
  std::string_view rest = request.input;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    MR_TRY(transaction->Append(topic, std::nullopt, RecordOf(line, request.Flag("key-separator"))));
    ++count;
  }
  if (count == 0) {
    MR_TRY(transaction->Abort());
    return {};
  }
  MR_TRY(transaction->Commit({owner, sequence, ""}));
  return output.Note(fmt::format("{} records appended to {}", count, topic));
}

Status DeadLettersOperation(OperationContext& context, const OperationRequest& request,
                            Output& output) {
  const std::string what = request.arguments.empty() ? "list" : request.arguments[0];
  if (what == "list") return ListLetters(context, request, output);
  if (what == "show") return ShowLetters(context, request, output);
  if (what == "replay") return ReplayLetters(context, request, output);
  return Fail(ErrorCode::kInvalidArgument, "dead-letters list, show or replay, not \"{}\"", what);
}

Status ReplayOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.arguments.size() != 1)
    return Fail(ErrorCode::kInvalidArgument, "replay needs one table");
  const auto note = [&](std::string_view text) {
    if (const Status told = output.Note(text); !told)
      logging::Info("replay.progress", {{"text", text}});
  };
  const ReplayOptions options{request.Flag("from", "earliest"), request.Switch("partial")};
  if (context.runner != nullptr) {
    MR_TRY(context.runner->ReplayTable(request.arguments[0], options, context.cancel, note));
  } else {
    MR_ASSIGN(const auto runner, Runner::Start(context.workspace, {.schedule = false}));
    MR_TRY(runner->ReplayTable(request.arguments[0], options, context.cancel, note));
    MR_TRY(runner->Drain());
  }
  if (!request.Switch("json")) return {};
  return output.Write(JsonText().Field("rebuilt", request.arguments[0]).Object() + '\n');
}

Status BackupOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.arguments.size() != 1)
    return Fail(ErrorCode::kInvalidArgument, "backup needs a folder that does not exist yet");
  if (context.workspace.topics().external()) {
    return std::unexpected(
        Error{ErrorCode::kUnsupported,
              "the topics are in Kafka: a copy of the data folder alone would fall behind them",
              "back the cluster up with its own tools; tables are rebuilt with `millrace replay`"});
  }
  BackupReport report;
  const auto make = [&]() -> Status {
    MR_ASSIGN(report, MakeBackup(context.workspace, request.arguments[0]));
    return {};
  };
  MR_TRY(context.runner != nullptr ? context.runner->WhileStill(make) : make());
  if (request.Switch("json")) {
    return output.Write(JsonText()
                            .Field("folder", request.arguments[0])
                            .Field("files", uint64_t{report.files})
                            .Field("bytes", uint64_t{report.bytes})
                            .Object() +
                        '\n');
  }
  return output.Write(fmt::format("{} files, {} in {}\n", report.files, ShortBytes(report.bytes),
                                  request.arguments[0]));
}

Status StatusOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  const RunnerSnapshot snapshot = context.runner->Snapshot();
  std::string text;
  std::string json;
  for (const QueryStatus& query : snapshot.queries) {
    text += QueryLine(query);
    json += JsonText()
                .Field("query", query.name)
                .Field("running", query.running)
                .Field("records_in", query.metrics.records_in)
                .Field("rows_out", query.metrics.rows_out)
                .Field("rejected", query.metrics.rejected)
                .Field("late", query.metrics.late)
                .Field("skipped", query.metrics.skipped)
                .Field("epoch", query.metrics.epoch.value)
                .Field("failure", query.failure)
                .Object() +
            '\n';
  }
  for (const schedule::DagInfo& dag : snapshot.dags) {
    const std::string next = dag.next_due ? schedule::FormatUtc(*dag.next_due) : "by hand";
    text +=
        fmt::format("dag   {:<20} {}  active {}  queued {}  next {}\n", dag.record.dag_id,
                    dag.record.paused ? "paused" : "on", dag.active_runs, dag.queued_runs, next);
    json += JsonText()
                .Field("dag", dag.record.dag_id)
                .Field("paused", dag.record.paused)
                .Field("active_runs", int64_t{dag.active_runs})
                .Field("queued_runs", int64_t{dag.queued_runs})
                .Field("next", next)
                .Object() +
            '\n';
  }
  text += fmt::format("log   {} on disk, {} records extracted\n", ShortBytes(snapshot.log_bytes),
                      snapshot.extracted_records);
  return output.Write(request.Switch("json") ? json : text);
}

}  // namespace millrace::pipeline
