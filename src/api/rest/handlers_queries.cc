// Streaming queries and how far they are behind.
#include <algorithm>

#include "api/rest/answers.h"
#include "api/rest/paging.h"
#include "sql/query_facts.h"

namespace millrace::api::rest {
namespace {

using pipeline::JsonList;
using pipeline::JsonText;
using pipeline::QueryStatus;

std::vector<QueryStatus> QueriesByName(Call& call) {
  std::vector<QueryStatus> queries = call.live.Snapshot(call.runner)->queries;
  std::ranges::sort(queries, {}, &QueryStatus::name);
  return queries;
}

Result<QueryStatus> FindQuery(Call& call) {
  const auto snapshot = call.live.Snapshot(call.runner);
  const auto found = std::ranges::find(snapshot->queries, call.Text("query"), &QueryStatus::name);
  if (found == snapshot->queries.end())
    return Fail(ErrorCode::kNotFound, "no query {}", call.Text("query"));
  return *found;
}

std::string Written(const Call& call, const QueryStatus& query) {
  const auto rates = call.live.RatesOf(query.name);
  return QueryJson(query, rates ? &*rates : nullptr);
}

std::string TextsJson(const std::vector<std::string>& texts) {
  JsonList list;
  for (const std::string& text : texts) list.AddText(text);
  return list.Array();
}

std::string OrNull(const std::string& text) { return text.empty() ? "null" : TextJson(text); }

// How far one query is behind in one topic. Named "query/topic": its place in the list.
struct GroupLag {
  std::string name;
  std::string query;
  std::string topic;
  bool running = false;
  int64_t partitions = 0;
  int64_t lag_records = 0;
  double lag_seconds = 0;
};

void AddGroups(const QueryStatus& query, std::vector<GroupLag>& groups) {
  for (const engine::PartitionMetrics& partition : query.metrics.partitions) {
    const std::string name = fmt::format("{}/{}", query.name, partition.at.topic);
    auto group = std::ranges::find(groups, name, &GroupLag::name);
    if (group == groups.end()) {
      groups.push_back({name, query.name, partition.at.topic, query.running});
      group = groups.end() - 1;
    }
    ++group->partitions;
    group->lag_records += partition.lag_records;
    group->lag_seconds = std::max(group->lag_seconds, partition.lag_seconds);
  }
}

std::string LagJson(const engine::PartitionMetrics& partition) {
  return JsonText()
      .Field("topic", partition.at.topic)
      .Field("partition", int64_t{partition.at.partition.value})
      .Field("next", partition.next.value)
      .Field("end", partition.end.value)
      .Field("lag_records", partition.lag_records)
      .Field("lag_seconds", partition.lag_seconds)
      .Raw("watermark", WatermarkJson(partition.watermark_us))
      .Field("idle", partition.idle)
      .Object();
}

}  // namespace

Result<Answer> ListQueries(Call& call) {
  return PageByName(
      call, QueriesByName(call),
      [](const QueryStatus& query) -> const std::string& { return query.name; },
      [&](const QueryStatus& query) { return Written(call, query); });
}

Result<Answer> GetQuery(Call& call) {
  MR_ASSIGN(const QueryStatus status, FindQuery(call));
  const auto& queries = call.workspace.project().queries;
  const auto query = std::ranges::find(queries, status.name, &pipeline::QueryDef::name);
  if (query == queries.end())
    return Fail(ErrorCode::kNotFound, "no query {} in the project", status.name);
  JsonList sources;
  for (const sql::SourceUse& source : sql::FactsOf(*query->plan).sources)
    sources.AddText(source.name);
  JsonList expect;
  for (const pipeline::ExpectDef& one : query->expect) {
    expect.Add(JsonText()
                   .Field("name", one.name)
                   .Field("condition", one.condition.text)
                   .Field("message", one.message)
                   .Object());
  }
  return Answer{JsonText()
                    .Raw("summary", Written(call, status))
                    .Field("sql", query->sql.text)
                    .Field("plan", sql::ToString(*query->plan))
                    .Raw("sources", sources.Array())
                    .Raw("tables", TextsJson(query->tables))
                    .Raw("topic", OrNull(query->topic))
                    .Field("dead_letters", query->dead_letters)
                    .Raw("late", OrNull(query->late))
                    .Raw("expect", expect.Array())
                    .Object()};
}

Result<Answer> ListLag(Call& call) {
  MR_ASSIGN(const QueryStatus status, FindQuery(call));
  const auto& partitions = status.metrics.partitions;
  size_t next = 0;
  if (call.Has("cursor")) {
    MR_ASSIGN(const auto place, CursorNumbers(call, 1));
    next = static_cast<size_t>(std::max<int64_t>(place[0], 0));
  }
  JsonList items;
  for (int64_t left = call.Integer("limit"); left > 0 && next < partitions.size(); --left)
    items.Add(LagJson(partitions[next++]));
  return PageAnswer(items,
                    next < partitions.size() ? std::optional(std::to_string(next)) : std::nullopt);
}

Result<Answer> ListGroups(Call& call) {
  std::vector<GroupLag> groups;
  for (const QueryStatus& query : call.live.Snapshot(call.runner)->queries)
    AddGroups(query, groups);
  std::ranges::sort(groups, {}, &GroupLag::name);
  return PageByName(
      call, groups, [](const GroupLag& group) -> const std::string& { return group.name; },
      [](const GroupLag& group) {
        return JsonText()
            .Field("query", group.query)
            .Field("topic", group.topic)
            .Field("running", group.running)
            .Field("partitions", group.partitions)
            .Field("lag_records", group.lag_records)
            .Field("lag_seconds", group.lag_seconds)
            .Object();
      });
}

}  // namespace millrace::api::rest
