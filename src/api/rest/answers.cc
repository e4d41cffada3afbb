#include "api/rest/answers.h"

#include <algorithm>

#include "base/base64.h"
#include "base/unicode.h"
#include "data/json_value.h"
#include "data/json_writer.h"
#include "schedule/civil.h"
#include "schedule/run_store.h"

namespace millrace::api::rest {

using pipeline::JsonList;
using pipeline::JsonText;

std::string ValidUtf8(std::string text) {
  if (IsValidUtf8(text)) return text;
  std::string valid;
  for (size_t at = 0; at < text.size();) AppendCodePoint(NextCodePoint(text, at), valid);
  return valid;
}

std::string TextJson(std::string_view text) {
  std::string quoted;
  data::AppendJsonString(text, quoted);
  return quoted;
}

std::string TimeJson(const std::optional<TimestampUs>& at) {
  return at ? TextJson(schedule::FormatUtc(*at)) : "null";
}

std::string WatermarkJson(int64_t watermark_us) {
  if (watermark_us == flow::Position::kNoWatermark) return "null";
  return TimeJson(TimestampUs(watermark_us));
}

std::string DagJson(const schedule::DagInfo& dag) {
  return JsonText()
      .Field("dag", dag.record.dag_id)
      .Field("paused", dag.record.paused)
      .Raw("next_due", TimeJson(dag.next_due))
      .Field("missed_count", dag.missed_count)
      .Field("skipped_count", dag.record.skipped_count)
      .Field("active_runs", int64_t{dag.active_runs})
      .Field("queued_runs", int64_t{dag.queued_runs})
      .Object();
}

std::string RunJson(const schedule::RunRecord& run) {
  return JsonText()
      .Field("dag", run.dag_id)
      .Field("run", run.run_id)
      .Field("type", schedule::Name(run.type))
      .Field("state", schedule::Name(run.state))
      .Raw("logical_date", TimeJson(run.logical_date))
      .Raw("data_interval_start", TimeJson(run.data_interval_start))
      .Raw("data_interval_end", TimeJson(run.data_interval_end))
      .Raw("queued_at", TimeJson(run.queued_at))
      .Raw("started_at", TimeJson(run.started_at))
      .Raw("ended_at", TimeJson(run.ended_at))
      .Raw("conf", run.conf_json)
      .Raw("backfill", run.backfill_id == 0 ? "null" : std::to_string(run.backfill_id))
      .Field("stop_reason", run.stop_reason)
      .Field("warning", run.warning)
      .Object();
}

std::string TaskInstanceJson(const schedule::TaskInstanceRecord& instance) {
  return JsonText()
      .Field("task", instance.task_id)
      .Field("state", schedule::Name(instance.state))
      .Field("try_number", int64_t{instance.try_number})
      .Field("failures", int64_t{instance.failures})
      .Field("generation", instance.generation.value)
      .Raw("started_at", TimeJson(instance.started_at))
      .Raw("ended_at", TimeJson(instance.ended_at))
      .Raw("retry_at", TimeJson(instance.retry_at))
      .Object();
}

std::string TryJson(const schedule::TryRecord& one) {
  return JsonText()
      .Field("task", one.task_id)
      .Field("try_number", int64_t{one.try_number})
      .Field("generation", one.generation.value)
      .Field("state", schedule::Name(one.state))
      .Raw("started_at", TimeJson(one.started_at))
      .Raw("ended_at", TimeJson(one.ended_at))
      .Field("error", one.error)
      .Object();
}

std::string BackfillJson(const schedule::BackfillRecord& backfill) {
  return JsonText()
      .Field("backfill", backfill.backfill_id)
      .Field("dag", backfill.dag_id)
      .Raw("from", TimeJson(backfill.from))
      .Raw("to", TimeJson(backfill.to))
      .Raw("cursor", TimeJson(backfill.cursor))
      .Field("parallelism", int64_t{backfill.parallelism})
      .Field("reprocess", schedule::Name(backfill.reprocess))
      .Raw("conf", backfill.conf_json)
      .Field("state", schedule::Name(backfill.state))
      .Field("started_count", backfill.started_count)
      .Raw("created_at", TimeJson(backfill.created_at))
      .Object();
}

std::string QueryJson(const pipeline::QueryStatus& query, const QueryRates* rates) {
  const engine::QueryMetrics& metrics = query.metrics;
  int64_t lag_records = 0;
  double lag_seconds = 0;
  for (const engine::PartitionMetrics& partition : metrics.partitions) {
    lag_records += partition.lag_records;
    lag_seconds = std::max(lag_seconds, partition.lag_seconds);
  }
  JsonText json;
  json.Field("query", query.name)
      .Field("running", query.running)
      .Raw("failure", query.failure.empty() ? "null" : TextJson(query.failure))
      .Field("records_in", metrics.records_in)
      .Field("bytes_in", metrics.bytes_in)
      .Field("rows_out", metrics.rows_out)
      .Field("rejected", metrics.rejected)
      .Field("skipped", metrics.skipped)
      .Field("late", metrics.late)
      .Field("epochs", metrics.epochs)
      .Field("epoch", metrics.epoch.value)
      .Raw("watermark", WatermarkJson(metrics.watermark_us))
      .Field("state_entries", metrics.state_entries)
      .Field("busy_ratio", metrics.busy_ratio)
      .Field("epoch_seconds_p50", metrics.epoch_p50_ms / 1000)
      .Field("epoch_seconds_p99", metrics.epoch_p99_ms / 1000)
      .Field("commit_seconds_p50", metrics.commit_p50_ms / 1000)
      .Field("lag_records", lag_records)
      .Field("lag_seconds", lag_seconds);
  if (rates != nullptr) {
    json.Field("records_in_per_second", rates->records_in_per_s)
        .Field("rows_out_per_second", rates->rows_out_per_s);
  } else {
    json.Raw("records_in_per_second", "null").Raw("rows_out_per_second", "null");
  }
  return json.Object();
}

void AddBytes(JsonText& to, const std::string& name, const char* bytes, size_t size) {
  const std::string encoding = name + "_encoding";
  if (bytes == nullptr) {
    to.Raw(name, "null").Raw(encoding, "null");
    return;
  }
  const std::string_view text(bytes, size);
  if (!IsValidUtf8(text)) {
    to.Field(name, EncodeBase64(text)).Field(encoding, "base64");
    return;
  }
  const bool may_be_json = text.starts_with('{') || text.starts_with('[');
  to.Field(name, text).Field(encoding, may_be_json && data::ParseJson(text) ? "json" : "text");
}

}  // namespace millrace::api::rest
