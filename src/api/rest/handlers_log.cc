// Topics, partitions, messages.
#include <algorithm>

#include "api/rest/answers.h"
#include "api/rest/paging.h"
#include "pipeline/message_scan.h"
#include "sql/query_facts.h"

namespace millrace::api::rest {
namespace {

using pipeline::JsonList;
using pipeline::JsonText;

constexpr uint64_t kPageBytesMax = uint64_t{8} << 20;

std::string ReadersOf(const pipeline::Project& project, const std::string& topic) {
  JsonList readers;
  for (const pipeline::QueryDef& query : project.queries) {
    const auto sources = sql::FactsOf(*query.plan).sources;
    if (std::ranges::find(sources, topic, &sql::SourceUse::name) != sources.end())
      readers.AddText(query.name);
  }
  return readers.Array();
}

std::string WritersOf(const pipeline::Project& project, const std::string& topic) {
  JsonList writers;
  for (const pipeline::TaskWork& task : project.tasks) {
    if (task.http && task.http->source.topic == topic)
      writers.AddText(fmt::format("{}.{}", task.dag, task.name));
  }
  for (const pipeline::QueryDef& query : project.queries) {
    if (query.topic == topic || query.dead_letters == topic || query.late == topic)
      writers.AddText(query.name);
  }
  return writers.Array();
}

std::string LimitJson(int64_t limit) {
  return limit == log::kUnlimited ? "null" : std::to_string(limit);
}

std::string TopicJson(Call& call, const log::TopicSpec& spec) {
  const pipeline::Project& project = call.workspace.project();
  int64_t offsets = 0;
  for (int32_t p = 0; p < spec.partitions; ++p) {
    if (const auto at = call.workspace.topics().Offsets(spec.name, PartitionId(p)))
      offsets += at->last_stable - at->start;
  }
  const auto known = project.topics.find(spec.name);
  return JsonText()
      .Field("topic", spec.name)
      .Field("description", known == project.topics.end() ? "" : known->second.description)
      .Field("internal", spec.internal)
      .Field("partitions", int64_t{spec.partitions})
      .Field("offsets", offsets)
      .Field("cleanup", spec.cleanup == log::Cleanup::kCompact ? "compact" : "delete")
      .Raw("retention_ms", LimitJson(spec.retention_ms))
      .Raw("retention_bytes", LimitJson(spec.retention_bytes))
      .Raw("read_by", ReadersOf(project, spec.name))
      .Raw("written_by", WritersOf(project, spec.name))
      .Object();
}

std::string PartitionJson(Call& call, const std::string& topic, PartitionId partition) {
  JsonText json;
  json.Field("partition", int64_t{partition.value});
  const auto at = call.workspace.topics().Offsets(topic, partition);
  if (!at) {
    for (const char* name : {"start", "last_stable", "high_watermark", "end"})
      json.Raw(name, "null");
    return json.Field("error", at.error().message).Object();
  }
  return json.Field("start", at->start.value)
      .Field("last_stable", at->last_stable.value)
      .Field("high_watermark", at->high_watermark.value)
      .Field("end", at->end.value)
      .Raw("error", "null")
      .Object();
}

std::string HeadersJson(const flow::RecordView& record) {
  JsonList list;
  const auto headers = flow::DecodeHeaders(record.raw_headers);
  for (size_t i = 0; headers && i < headers->size(); ++i) {
    const flow::Header& header = (*headers)[i];
    JsonText json;
    json.Field("name", header.key);
    AddBytes(json, "value", header.value.data(), header.value.size());
    list.Add(json.Object());
  }
  return list.Array();
}

std::string MessageJson(PartitionId partition, const flow::RecordView& record) {
  JsonText json;
  json.Field("partition", int64_t{partition.value})
      .Field("offset", record.offset.value)
      .Raw("timestamp", TimeJson(TimestampUs(record.timestamp.value * 1000)));
  AddBytes(json, "key", record.key, record.key_size);
  AddBytes(json, "value", record.value, record.value_size);
  return json.Raw("headers", HeadersJson(record)).Object();
}

Result<pipeline::MessageSeek> SeekOf(const Call& call) {
  pipeline::MessageSeek seek;
  if (call.Has("offset") + call.Has("time") + call.Has("last") > 1)
    return Fail(ErrorCode::kInvalidArgument, "offset, time, last: give one of them at most");
  if (call.Has("partition"))
    seek.partition = PartitionId(static_cast<int32_t>(call.Integer("partition")));
  if (call.Has("offset")) seek.offset = Offset(call.Integer("offset"));
  if (call.Has("time")) {
    // The first whole millisecond at or after it.
    const int64_t us = call.Time("time").value;
    seek.time = TimestampMs(us / 1000 + (us % 1000 > 0 ? 1 : 0));
  }
  if (call.Has("last")) seek.last = call.Integer("last");
  if (call.Has("cursor")) {
    MR_ASSIGN(const auto place, CursorNumbers(call, 2));
    seek.from =
        pipeline::MessagePlace{PartitionId(static_cast<int32_t>(place[0])), Offset(place[1])};
  }
  return seek;
}

}  // namespace

Result<Answer> ListTopics(Call& call) {
  MR_ASSIGN(std::vector<log::TopicSpec> topics, call.workspace.topics().List());
  if (!call.Boolean("internal")) std::erase_if(topics, &log::TopicSpec::internal);
  std::ranges::sort(topics, {}, &log::TopicSpec::name);
  return PageByName(
      call, topics, [](const log::TopicSpec& topic) -> const std::string& { return topic.name; },
      [&](const log::TopicSpec& topic) { return TopicJson(call, topic); });
}

Result<Answer> GetTopic(Call& call) {
  MR_ASSIGN(const auto topic, call.workspace.topics().Find(call.Text("topic")));
  return Answer{TopicJson(call, topic)};
}

Result<Answer> ListPartitions(Call& call) {
  const std::string& name = call.Text("topic");
  MR_ASSIGN(const auto topic, call.workspace.topics().Find(name));
  int64_t next = 0;
  if (call.Has("cursor")) {
    MR_ASSIGN(const auto place, CursorNumbers(call, 1));
    next = std::max<int64_t>(place[0], 0);
  }
  JsonList items;
  for (int64_t left = call.Integer("limit"); left > 0 && next < topic.partitions; --left)
    items.Add(PartitionJson(call, name, PartitionId(static_cast<int32_t>(next++))));
  return PageAnswer(items,
                    next < topic.partitions ? std::optional(std::to_string(next)) : std::nullopt);
}

Result<Answer> ListMessages(Call& call) {
  MR_ASSIGN(const pipeline::MessageSeek seek, SeekOf(call));
  const std::string contains = call.Has("contains") ? call.Text("contains") : "";
  const std::string* const key = call.Has("key") ? &call.Text("key") : nullptr;
  JsonList items;
  const auto take = [&](PartitionId partition, const flow::RecordView& record) -> Result<bool> {
    if (key != nullptr && (record.key == nullptr || record.key_view() != *key)) return false;
    if (!contains.empty() && record.key_view().find(contains) == std::string_view::npos &&
        record.value_view().find(contains) == std::string_view::npos) {
      return false;
    }
    items.Add(MessageJson(partition, record));
    return true;
  };
  const pipeline::ScanBudget budget{.taken_max = call.Integer("limit"),
                                    .scanned_max = call.Integer("scan_max"),
                                    .bytes_max = kPageBytesMax};
  MR_ASSIGN(const auto end, pipeline::ScanMessages(call.workspace.topics(), call.Text("topic"),
                                                   seek, budget, call.stopping, take));
  JsonText json;
  json.Raw("items", items.Array());
  if (end.next)
    json.Field("next_cursor",
               EncodeCursor(fmt::format("{}:{}", end.next->partition, end.next->offset)));
  else
    json.Raw("next_cursor", "null");
  return Answer{json.Field("scanned", end.scanned).Object()};
}

}  // namespace millrace::api::rest
