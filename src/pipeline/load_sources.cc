// Topics, references and tables of a project.
#include <algorithm>

#include "connect/reference.h"
#include "data/csv_reader.h"
#include "pipeline/project_loader.h"

namespace millrace::pipeline {
namespace {

// The type at "registered.date" within a schema, or nullptr.
const data::DataType* TypeAtPath(const data::Schema& schema, std::string_view path) {
  const data::DataType* type = nullptr;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    const std::string_view name = path.substr(0, dot);
    const int index = type == nullptr ? schema.IndexOf(name) : type->FieldIndex(name);
    if (index < 0) return nullptr;
    type = type == nullptr ? schema.fields[static_cast<size_t>(index)].type.get()
                           : type->fields()[static_cast<size_t>(index)].type.get();
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return type;
}

}  // namespace

void ProjectLoader::LoadTopics(const Section& root) {
  for (const auto& [name, section] : root.Children("topics")) LoadTopic(name, section);
}

void ProjectLoader::LoadTopic(const std::string& name, const Section& section) {
  TopicDef topic;
  topic.where = section.node()->key_where;
  topic.description = section.Text("description");
  topic.spec.name = name;
  topic.spec.partitions = static_cast<int32_t>(section.Integer("partitions"));
  topic.spec.cleanup =
      section.Text("cleanup") == "compact" ? log::Cleanup::kCompact : log::Cleanup::kDelete;
  const int64_t retention_us = section.DurationUs("retention");
  topic.spec.retention_ms = retention_us == 0 ? log::kUnlimited : retention_us / 1000;
  const int64_t retention_bytes = section.Bytes("retention_bytes");
  topic.spec.retention_bytes = retention_bytes == 0 ? log::kUnlimited : retention_bytes;
  topic.spec.force_retention = section.Text("retain") == "force";
  topic.spec.segment_bytes = project_.settings.log_segment_bytes;
  topic.schema_text = TextOrFile(section, "schema", ".sql");
  schemas_unreadable_ |= topic.schema_text.unreadable;
  if (!topic.schema_text.text.empty()) {
    sql::ParsedSchema parsed = sql::ParseSchemaDdl(topic.schema_text.text);
    Add(topic.schema_text, parsed.errors);
    topic.schema = std::move(parsed.schema);
  }
  topic.event_time = section.Text("event_time");
  topic.event_time_where = section.Where("event_time");
  topic.watermark_delay_us = section.DurationUs("watermark_delay");
  if (section.IsUnresolved("event_time")) event_times_wrong_ = true;
  if (!topic.event_time.empty() && !topic.schema.fields.empty()) {
    const size_t before = problems_.size();
    const data::DataType* type = TypeAtPath(topic.schema, topic.event_time);
    if (type == nullptr) {
      Error(topic.event_time_where,
            fmt::format("topic {}: the schema has no \"{}\"", name, topic.event_time),
            fmt::format("it has {}", topic.schema.ToString()));
    } else if (type->kind() != data::TypeKind::kTimestamp &&
               type->kind() != data::TypeKind::kTimestampNtz) {
      Error(topic.event_time_where,
            fmt::format("topic {}: event time \"{}\" is {}, which cannot hold a point in time",
                        name, topic.event_time, type->ToString()),
            "declare it as TIMESTAMP in the topic's schema");
    }
    if (problems_.size() > before) {  // said here, and not by every query over the topic
      topic.event_time.clear();
      event_times_wrong_ = true;
    }
  }
  project_.topics.emplace(name, std::move(topic));
}

void ProjectLoader::LoadReferences(const Section& root) {
  for (const auto& [name, section] : root.Children("references")) LoadReference(name, section);
}

void ProjectLoader::LoadReference(const std::string& name, const Section& section) {
  ReferenceDef reference;
  reference.name = name;
  reference.where = section.node()->key_where;
  if (section.IsUnresolved("file")) {
    schemas_unreadable_ = true;
    return;
  }
  reference.path = PathOf(section.Text("file"));
  reference.key = section.Texts("key");
  const auto text = io::ReadWholeFile(fs_, reference.path);
  if (!text) {
    Error(section.Where("file"), text.error().message);
    schemas_unreadable_ = true;
    return;
  }
  const SourceText schema_text = TextOrFile(section, "schema", ".sql");
  schemas_unreadable_ |= schema_text.unreadable;
  if (schema_text.unreadable) return;
  if (!schema_text.text.empty()) {
    sql::ParsedSchema parsed = sql::ParseSchemaDdl(schema_text.text);
    Add(schema_text, parsed.errors);
    reference.schema = std::move(parsed.schema);
  } else if (auto header = data::CsvSchema(*text, {})) {
    reference.schema = std::move(*header);
  } else {
    Error(section.Where("file"), fmt::format("{}: {}", reference.path, header.error().message));
    return;
  }
  bool known = true;
  for (const std::string& column : reference.key) {
    if (reference.schema.IndexOf(column) >= 0) continue;
    known = false;
    Error(section.Where("key"), fmt::format("reference {} has no column \"{}\"", name, column),
          fmt::format("it has {}", reference.schema.ToString()));
  }
  if (!known) reference.key.clear();
  if (const auto rows = connect::ReadReference(*text, reference.schema, reference.key); !rows) {
    problems_.push_back({reference.path,
                         {static_cast<int>(rows.error().line), 1},
                         fmt::format("reference {}: {}", name, rows.error().message),
                         "a reference file is read whole, and its key is unique"});
  }
  project_.references.emplace(name, std::move(reference));
}

void ProjectLoader::LoadTables(const Section& root) {
  const Node* tables = root.Find("tables");
  if (tables == nullptr) return;
  std::vector<const Node*> sources;
  if (tables->kind == Node::Kind::kScalar) sources.push_back(tables);
  for (const Node& item : tables->items) sources.push_back(&item);
  for (const Node* node : sources) {
    const SourceText source = TextOrFile(*node, ".cql");
    tables_unreadable_ |= source.unreadable;
    if (source.unreadable) continue;
    const cql::DdlScript script = cql::ParseDdl(source.file, source.text, project_.types);
    tables_unreadable_ |= !script.errors.empty();
    for (const cql::DdlError& error : script.errors) {
      problems_.push_back(
          source.At({{error.place.line, error.place.column}, "", error.message, error.suggestion}));
    }
    for (const cql::DdlStatement& statement : script.statements) AddStatement(statement, source);
  }
}

void ProjectLoader::AddStatement(const cql::DdlStatement& statement, const SourceText& source) {
  if (const auto* keyspace = std::get_if<store::Keyspace>(&statement.what)) {
    project_.keyspaces.push_back(*keyspace);
  } else if (const auto* type = std::get_if<store::UserType>(&statement.what)) {
    project_.types.push_back(*type);
  } else {
    const auto& table = std::get<store::TableSchema>(statement.what);
    const sql::Location where{statement.place.line, statement.place.column};
    const auto has_keyspace = std::ranges::any_of(
        project_.keyspaces,
        [&](const store::Keyspace& known) { return known.name == table.keyspace; });
    if (!has_keyspace) {
      problems_.push_back(
          source.At({where, "", fmt::format("no keyspace {}", table.keyspace),
                     fmt::format("put CREATE KEYSPACE {} before it", table.keyspace)}));
    }
    const TableDef def{table, source.file, source.At({where, "", "", ""}).where};
    if (!project_.tables.emplace(table.FullName(), def).second) {
      problems_.push_back(source.At(
          {where, "", fmt::format("table {} is created twice", table.FullName()), "remove one"}));
    }
  }
}

}  // namespace millrace::pipeline
