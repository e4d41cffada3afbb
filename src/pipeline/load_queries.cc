// Queries of a project: bound against topics, references and tables, and held against the tables
// they write.
#include <algorithm>

#include "pipeline/project_loader.h"
#include "store/sql_types.h"

namespace millrace::pipeline {

void ProjectLoader::LoadQueries(const Section& root) {
  for (const auto& [name, section] : root.Children("queries")) LoadQuery(name, section);
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

void ProjectLoader::CheckSinks(QueryDef& query, const Section& section) {
  if (tables_unreadable_) return;
  for (const std::string& sink : section.Texts("into")) {
    if (project_.tables.contains(sink)) {
      query.tables.push_back(sink);
      CheckTableSink(query, sink);
    } else if (project_.topics.contains(sink)) {
      if (!query.topic.empty())
        Error(query.into_where, fmt::format("query {} writes to two topics", query.name),
              "one is the most");
      query.topic = sink;
    } else {
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

void ProjectLoader::CheckTableSink(const QueryDef& query, const std::string& table) {
  const store::TableSchema& schema = project_.tables.at(table).schema;
  const data::Schema& output = query.plan->schema;
  for (const store::ColumnSchema& column : schema.columns) {
    const bool is_key = column.kind == store::ColumnKind::kPartitionKey ||
                        column.kind == store::ColumnKind::kClustering;
    const int index = output.IndexOf(column.name);
    if (index < 0) {
      if (!is_key) continue;
      Error(query.into_where,
            fmt::format("query {} gives no column \"{}\", part of the primary key of {}",
                        query.name, column.name, table),
            fmt::format("add `... AS {}` to its SELECT", column.name));
      continue;
    }
    const data::DataType& type = *output.fields[static_cast<size_t>(index)].type;
    if (const Status fits = store::CheckWritable(type, column.type); !fits) {
      Error(query.into_where,
            fmt::format("query {}: column {} of {}: {}", query.name, column.name, table,
                        fits.error().message),
            fits.error().hint);
    }
  }
  for (const data::Field& field : output.fields) {
    const auto known = std::ranges::any_of(schema.columns, [&](const store::ColumnSchema& column) {
      return data::EqualsIgnoringCase(column.name, field.name);
    });
    if (known) continue;
    problems_.push_back(
        {file_, query.into_where,
         fmt::format("query {}: column {} is not kept by {}", query.name, field.name, table),
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
