// Queries of a project: bound against topics, references and tables, and held against the tables
// they write.
#include <algorithm>
#include <functional>
#include <map>

#include "pipeline/project_loader.h"
#include "pipeline/query_definition.h"
#include "store/sql_types.h"

namespace millrace::pipeline {
namespace {

// Finds the queries that write, directly or through other queries, into what they read: each record
// would come back to them.
class TopicCycles {
 public:
  using Report = std::function<void(const QueryDef& query, const std::string& cycle)>;

  explicit TopicCycles(const std::vector<QueryDef>& queries) {
    for (const QueryDef& query : queries) {
      if (query.plan == nullptr) continue;
      for (const std::string& from : StreamsOf(*query.plan)) {
        for (const std::string& to : {query.topic, query.dead_letters, query.late}) {
          if (!to.empty()) steps_.emplace(from, Step{&query, to});
        }
      }
    }
  }

  // Reports every cycle by the query that closes it.
  void Find(const Report& report) {
    for (const auto& [topic, step] : steps_) {
      if (!states_.contains(topic)) Follow(topic, report);
    }
  }

 private:
  struct Step {
    const QueryDef* query;
    std::string to;
  };
  enum class State { kOnPath, kDone };

  void Follow(const std::string& topic, const Report& report) {
    states_[topic] = State::kOnPath;
    const auto [begin, end] = steps_.equal_range(topic);
    for (auto step = begin; step != end; ++step) {
      path_.emplace_back(topic, step->second.query);
      const auto known = states_.find(step->second.to);
      if (known == states_.end()) {
        Follow(step->second.to, report);
      } else if (known->second == State::kOnPath) {
        report(*step->second.query, CycleTo(step->second.to));
      }
      path_.pop_back();
    }
    states_[topic] = State::kDone;
  }

  // "raw -> query a -> mid -> query b -> raw".
  std::string CycleTo(const std::string& topic) const {
    std::string cycle;
    for (auto at = std::ranges::find(path_, topic, [](const auto& step) { return step.first; });
         at != path_.end(); ++at) {
      cycle += fmt::format("{} -> query {} -> ", at->first, at->second->name);
    }
    return cycle + topic;
  }

  std::multimap<std::string, Step> steps_;  // by the topic read
  std::map<std::string, State> states_;
  std::vector<std::pair<std::string, const QueryDef*>> path_;
};

}  // namespace

void ProjectLoader::LoadQueries(const Section& root) {
  for (const auto& [name, section] : root.Children("queries")) LoadQuery(name, section);
  TopicCycles(project_.queries).Find([this](const QueryDef& query, const std::string& cycle) {
    Error(query.into_where, fmt::format("records would go round for ever: {}", cycle),
          "a query's rows, dead letters and late records must go to topics that it does not read, "
          "nor a query before it");
  });
}

void ProjectLoader::LoadQuery(const std::string& name, const Section& section) {
  QueryDef query;
  query.name = name;
  query.where = section.node()->key_where;
  query.sql = TextOrFile(section, "sql", ".sql");
  query.ansi = section.Boolean("ansi");
  query.emit_changes = section.Text("emit") == "changes";
  query.start_latest = section.Text("start") == "latest";
  query.idle_timeout_us = section.DurationUs("idle_timeout");
  query.max_future_skew_us = section.DurationUs("max_future_skew");
  query.dead_letters =
      section.Has("dead_letters") ? section.Text("dead_letters") : name + "_dead_letters";
  query.late = section.Text("late");
  query.into_where = section.Where("into");

  if (!query.sql.unreadable && !schemas_unreadable_) BindQuery(query, section);
  EnsureLetterTopic(query.dead_letters);
  if (!query.late.empty()) EnsureLetterTopic(query.late);
  project_.queries.push_back(std::move(query));
}

void ProjectLoader::BindQuery(QueryDef& query, const Section& section) {
  const ProjectCatalog catalog(project_, true);
  sql::BoundQuery bound =
      sql::BindQuery(query.sql.text, catalog, {.streaming = true, .ansi = query.ansi});
  Add(query.sql, bound.errors);
  Add(query.sql, bound.warnings, true);
  query.plan = bound.plan;
  if (query.plan == nullptr) return;
  BindExpectations(query, section);
  CheckOutput(query);
  CheckSinks(query, section);
}

void ProjectLoader::BindExpectations(QueryDef& query, const Section& section) {
  for (const Section& item : section.Items("expect")) {
    ExpectDef expect;
    expect.name = item.Text("name");
    expect.condition = TextOrFile(item, "condition", ".sql");
    expect.message = item.Text("message");
    if (expect.condition.unreadable) continue;
    sql::BoundExpr bound = sql::BindExpression(expect.condition.text, query.plan->schema,
                                               {.streaming = true, .ansi = query.ansi});
    Add(expect.condition, bound.errors);
    expect.bound = bound.expr;
    if (bound.expr != nullptr && bound.expr->type.kind() != data::TypeKind::kBoolean) {
      problems_.push_back(expect.condition.At(
          {{1, 1},
           "DATATYPE_MISMATCH",
           fmt::format("condition {} is {}, not boolean", expect.name, bound.expr->type.ToString()),
           "compare it with something"}));
    }
    query.expect.push_back(std::move(expect));
  }
}

void ProjectLoader::CheckOutput(const QueryDef& query) {
  const std::vector<data::Field>& fields = query.plan->schema.fields;
  for (size_t i = 0; i < fields.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!data::EqualsIgnoringCase(fields[i].name, fields[j].name)) continue;
      Error(query.into_where,
            fmt::format("query {}: columns {} and {} of its result are both named \"{}\"",
                        query.name, j + 1, i + 1, fields[i].name),
            "name one of them otherwise with AS");
    }
  }
}

void ProjectLoader::CheckSinks(QueryDef& query, const Section& section) {
  const std::vector<std::string> sinks = section.Texts("into");
  const Node* const into = section.Find("into");
  if (sinks.empty() && into != nullptr && into->items.empty()) {
    Error(query.into_where, fmt::format("query {} writes nowhere", query.name),
          "name a table or a topic");
  }
  for (const std::string& sink : sinks) {
    if (project_.tables.contains(sink)) {
      query.tables.push_back(sink);
      CheckTableSink("query " + query.name, query.plan->schema, sink, query.into_where);
    } else if (project_.topics.contains(sink)) {
      if (!query.topic.empty())
        Error(query.into_where, fmt::format("query {} writes to two topics", query.name),
              "one is the most");
      query.topic = sink;
    } else if (!tables_unreadable_) {
      std::vector<std::string> names;
      for (const auto& [name, table] : project_.tables) names.push_back(name);
      for (const auto& [name, topic] : project_.topics) names.push_back(name);
      const std::string nearest = sql::NearestName(sink, names);
      Error(query.into_where, fmt::format("query {}: no table or topic \"{}\"", query.name, sink),
            nearest.empty() ? "tables are written keyspace.table"
                            : fmt::format("did you mean \"{}\"?", nearest));
    }
  }
}

void ProjectLoader::CheckTableSink(const std::string& writer, const data::Schema& output,
                                   const std::string& table, sql::Location where) {
  const store::TableSchema& schema = project_.tables.at(table).schema;
  for (const store::ColumnSchema& column : schema.columns) {
    const bool is_key = column.kind == store::ColumnKind::kPartitionKey ||
                        column.kind == store::ColumnKind::kClustering;
    const int index = output.IndexOf(column.name);
    if (index < 0) {
      if (!is_key) continue;
      Error(where,
            fmt::format("{} gives no column \"{}\", part of the primary key of {}", writer,
                        column.name, table),
            fmt::format("add `... AS {}` to its SELECT", column.name));
      continue;
    }
    const data::DataType& type = *output.fields[static_cast<size_t>(index)].type;
    if (const Status fits = store::CheckWritable(type, column.type); !fits) {
      Error(
          where,
          fmt::format("{}: column {} of {}: {}", writer, column.name, table, fits.error().message),
          fits.error().hint);
    }
  }
  for (const data::Field& field : output.fields) {
    const auto known = std::ranges::any_of(schema.columns, [&](const store::ColumnSchema& column) {
      return data::EqualsIgnoringCase(column.name, field.name);
    });
    if (known) continue;
    problems_.push_back({file_, where,
                         fmt::format("{}: column {} is not kept by {}", writer, field.name, table),
                         "add it to the table, or ignore this", true});
  }
}

void ProjectLoader::EnsureLetterTopic(const std::string& name) {
  if (project_.topics.contains(name)) return;
  TopicDef topic;
  topic.spec.name = name;
  topic.spec.partitions = 1;
  topic.spec.retention_ms = int64_t{30} * 86400 * 1000;
  topic.spec.segment_bytes = project_.settings.log_segment_bytes;
  topic.declared = false;
  project_.topics.emplace(name, std::move(topic));
}

}  // namespace millrace::pipeline
