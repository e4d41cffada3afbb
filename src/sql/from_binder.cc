#include <algorithm>

#include <fmt/format.h>

#include "sql/coercion.h"
#include "sql/parser.h"
#include "sql/query_binder.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::TypeKind;

bool IsTopic(RelationKind kind) {
  return kind == RelationKind::kStream || kind == RelationKind::kTopic;
}

std::string Joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, "."));
}

}  // namespace

data::Schema TopicMetadataColumns() {
  return {{{"_key", DataType::String()},
           {"_topic", DataType::String(), false},
           {"_partition", DataType::Int(), false},
           {"_offset", DataType::Bigint(), false},
           {"_timestamp", DataType::Timestamp(), false},
           {"_headers", DataType::Map(DataType::String(), DataType::Binary())}}};
}

QueryBinder::Relation QueryBinder::OfQuery(PlanPtr plan,
                                           const std::vector<std::string>& qualifier) {
  Relation relation;
  if (!plan) return relation;
  for (size_t i = 0; i < plan->schema.fields.size(); ++i) {
    const data::Field& field = plan->schema.fields[i];
    relation.scope.columns.push_back(
        {qualifier, field.name, MakeColumn(static_cast<int>(i), *field.type, field.nullable)});
  }
  relation.plan = std::move(plan);
  return relation;
}

QueryBinder::Relation QueryBinder::BindFrom(const ast::Select& select, const CommonTables& tables) {
  if (!select.has_from) {
    PlanDraft row = NewPlan(PlanKind::kValues, {}, {});
    if (row) row->rows.emplace_back();
    return {row, {}};
  }
  Relation relation = BindSource(select.from, tables);
  for (const ast::Join& join : select.joins) {
    relation = BindJoin(std::move(relation), join, tables);
  }
  for (const ast::LateralView& view : select.lateral_views) {
    relation = BindLateralView(std::move(relation), view);
  }
  return relation;
}

QueryBinder::Relation QueryBinder::BindSource(const ast::Source& source,
                                              const CommonTables& tables) {
  if (source.query || !source.stream) {
    std::optional<Relation> relation;
    if (source.query) {
      std::vector<std::string> qualifier;
      if (!source.alias.empty()) qualifier.push_back(source.alias);
      relation = OfQuery(BindQuery(*source.query, &tables), qualifier);
    } else {
      relation = BindCommonTable(source, tables);
    }
    if (relation) {
      if (source.watermark) {
        builder_.diagnostics().Error(source.watermark->expr->where,
                                     "UNSUPPORTED_FEATURE.WATERMARK_ON_QUERY",
                                     "a WATERMARK belongs to a stream, not to a query over one",
                                     "write STREAM(topic) WATERMARK ... inside the query");
      }
      RenameColumns(source, *relation);
      return std::move(*relation);
    }
  }
  const sql::Relation* found = FindRelation(source);
  if (found == nullptr) return {};
  Relation relation = BindCatalogSource(source, *found);
  RenameColumns(source, relation);
  return relation;
}

std::optional<QueryBinder::Relation> QueryBinder::BindCommonTable(const ast::Source& source,
                                                                  const CommonTables& tables) {
  if (source.name.size() != 1) return std::nullopt;
  for (const CommonTables* level = &tables; level != nullptr; level = level->outer) {
    for (size_t i = level->visible; i-- > 0;) {
      const ast::CommonTable& table = (*level->tables)[i];
      if (!data::EqualsIgnoringCase(table.name, source.name[0])) continue;
      const CommonTables earlier{level->tables, i, level->outer};
      const std::string& name = source.alias.empty() ? table.name : source.alias;
      Relation relation = OfQuery(BindQuery(*table.query, &earlier), {name});
      if (!table.column_aliases.empty()) {
        ast::Source renamed;
        renamed.where = table.where;
        renamed.column_aliases = table.column_aliases;
        RenameColumns(renamed, relation);
      }
      return relation;
    }
  }
  return std::nullopt;
}

const Relation* QueryBinder::FindRelation(const ast::Source& source) {
  const std::string name = Joined(source.name);
  if (const sql::Relation* found = catalog_.Find(name)) return found;
  const std::string near = builder_.diagnostics().DidYouMean(name, catalog_.Names());
  builder_.diagnostics().Error(source.where, "TABLE_OR_VIEW_NOT_FOUND",
                               fmt::format("there is no topic, table or reference {}", name),
                               near.empty() ? "declare it in the project file" : near);
  return nullptr;
}

QueryBinder::Relation QueryBinder::BindCatalogSource(const ast::Source& source,
                                                     const sql::Relation& found) {
  const bool topic = IsTopic(found.kind);
  if (source.stream && !topic) {
    builder_.diagnostics().Error(
        source.where, "UNSUPPORTED_FEATURE.STREAM_OF_TABLE",
        fmt::format("{} is no topic, so it cannot be read as a STREAM", found.name),
        "remove STREAM");
  }
  if (source.stream && topic && !options_.streaming) {
    builder_.diagnostics().Error(
        source.where, "UNSUPPORTED_FEATURE.STREAM_IN_BATCH_QUERY",
        "this query runs once, so it cannot read a STREAM",
        fmt::format("write FROM {} to read the topic up to its present end", found.name));
  }
  if (!source.stream && topic && options_.streaming) {
    builder_.diagnostics().Warn(
        source.where, "STREAM_NOT_NAMED",
        fmt::format("topic {} is read as a stream; Spark would read it once, as it is", found.name),
        fmt::format("write STREAM({})", found.name));
  }
  PlanDraft scan = NewPlan(PlanKind::kScan, source.where, {});
  if (!scan) return {};
  scan->relation = found;
  if (topic) {
    scan->relation.kind = options_.streaming ? RelationKind::kStream : RelationKind::kTopic;
  }
  scan->schema = found.schema;
  const size_t visible = scan->schema.fields.size();
  if (topic) {
    for (const data::Field& field : TopicMetadataColumns().fields) {
      if (found.schema.IndexOf(field.name) < 0) scan->schema.fields.push_back(field);
    }
  }
  std::vector<std::string> qualifier = source.name;
  if (!source.alias.empty()) qualifier = {source.alias};
  Relation relation = OfQuery(scan, qualifier);
  for (size_t i = visible; i < relation.scope.columns.size(); ++i) {
    relation.scope.columns[i].hidden = true;
  }
  BindEventTime(source, *scan, relation.scope);
  return relation;
}

// Finds the event time of a topic: the query's WATERMARK clause, or what the project file declares.
void QueryBinder::BindEventTime(const ast::Source& source, Plan& scan, Scope& scope) {
  Diagnostics& diagnostics = builder_.diagnostics();
  const bool topic = IsTopic(scan.relation.kind);
  if (!source.watermark && (!topic || scan.relation.event_time.empty())) return;
  const ExprPlace place{.what = "WATERMARK"};
  ExprPtr time;
  Location where = source.where;
  if (source.watermark) {
    where = source.watermark->expr->where;
    if (!topic) {
      diagnostics.Error(where, "UNSUPPORTED_FEATURE.WATERMARK_ON_TABLE",
                        fmt::format("{} is no stream, so it has no WATERMARK", scan.relation.name),
                        "remove WATERMARK");
      return;
    }
    time = ExprBinder(builder_, scope, place).Bind(*source.watermark->expr);
    scan.watermark_delay_us = source.watermark->delay_us;
    if (!source.watermark->alias.empty()) {
      std::vector<std::string> qualifier =
          scope.columns.empty() ? std::vector<std::string>{} : scope.columns[0].qualifier;
      scope.columns.push_back({std::move(qualifier), source.watermark->alias, time});
    }
  } else {
    const ParsedExpression parsed = ParseExpression(scan.relation.event_time);
    Diagnostics apart;  // places inside the project file's text are none of this query
    ExprBuilder builder(options_.ansi, apart);
    if (parsed.errors.empty()) time = ExprBinder(builder, scope, place).Bind(*parsed.expr);
    scan.watermark_delay_us = scan.relation.watermark_delay_us;
    if (!time) {
      diagnostics.Error(where, "EVENT_TIME_NOT_FOUND",
                        fmt::format("the event time {} of topic {} is none of its columns",
                                    scan.relation.event_time, scan.relation.name),
                        "correct event_time in the project file");
    }
  }
  if (!time) return;
  if (!time->type.is_datetime()) {
    diagnostics.Error(where, "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE",
                      fmt::format("an event time is a TIMESTAMP, not {}", time->type.ToDdl()),
                      "declare or cast it as TIMESTAMP");
    return;
  }
  scan.event_time_expr = builder_.Coerce(time, DataType::Timestamp());
}

void QueryBinder::RenameColumns(const ast::Source& source, Relation& relation) {
  if (source.column_aliases.empty() || !relation.plan) return;
  std::vector<ScopeColumn*> visible;
  for (ScopeColumn& column : relation.scope.columns) {
    if (!column.hidden) visible.push_back(&column);
  }
  if (visible.size() != source.column_aliases.size()) {
    builder_.diagnostics().Error(source.where, "ASSIGNMENT_ARITY_MISMATCH",
                                 fmt::format("{} column names are given to {} columns",
                                             source.column_aliases.size(), visible.size()),
                                 "name each column once");
    return;
  }
  for (size_t i = 0; i < visible.size(); ++i) visible[i]->name = source.column_aliases[i];
}

QueryBinder::Relation QueryBinder::BindLateralView(Relation input, const ast::LateralView& view) {
  std::vector<ScopeColumn> columns;
  input.plan = Generate(std::move(input.plan), input.scope, *view.generator, view.outer, columns);
  if (!input.plan) return input;
  if (!view.column_aliases.empty() && view.column_aliases.size() != columns.size()) {
    builder_.diagnostics().Error(view.where, "UDTF_ALIAS_NUMBER_MISMATCH",
                                 fmt::format("{} column names are given to {} columns",
                                             view.column_aliases.size(), columns.size()),
                                 "name each column once");
    return input;
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!view.alias.empty()) columns[i].qualifier = {view.alias};
    if (!view.column_aliases.empty()) columns[i].name = view.column_aliases[i];
    input.scope.columns.push_back(std::move(columns[i]));
  }
  return input;
}

}  // namespace millrace::sql
