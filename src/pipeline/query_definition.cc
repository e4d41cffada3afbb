#include "pipeline/query_definition.h"

#include <algorithm>

#include "base/bytes.h"
#include "pipeline/project.h"

namespace millrace::pipeline {
namespace {

constexpr uint8_t kVersion = 1;

std::string Quoted(std::string_view name) {
  std::string quoted = "`";
  for (const char c : name) {
    if (c == '`') quoted += '`';
    quoted += c;
  }
  return quoted + '`';
}

std::string TypeToDdl(const data::DataType& type) {
  switch (type.kind()) {
    case data::TypeKind::kArray:
      return fmt::format("ARRAY<{}>", TypeToDdl(type.element()));
    case data::TypeKind::kMap:
      return fmt::format("MAP<{}, {}>", TypeToDdl(type.key()), TypeToDdl(type.map_value()));
    case data::TypeKind::kStruct: {
      std::string text;
      for (const data::Field& field : type.fields()) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", Quoted(field.name),
                            TypeToDdl(*field.type));
      }
      return fmt::format("STRUCT<{}>", text);
    }
    default:
      return type.ToDdl();
  }
}

void AppendText(std::string& to, std::string_view text) {
  AppendVarint(to, text.size());
  to += text;
}

std::string ReadText(ByteReader& reader) { return std::string(reader.Bytes(reader.Varint())); }

void AppendTexts(std::string& to, const std::vector<std::string>& texts) {
  AppendVarint(to, texts.size());
  for (const std::string& text : texts) AppendText(to, text);
}

std::vector<std::string> ReadTexts(ByteReader& reader) {
  std::vector<std::string> texts;
  const uint64_t count = reader.Varint();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) texts.push_back(ReadText(reader));
  return texts;
}

void AppendRelation(std::string& to, const sql::Relation& relation) {
  AppendText(to, relation.name);
  to.push_back(static_cast<char>(relation.kind));
  AppendText(to, SchemaToDdl(relation.schema));
  AppendTexts(to, relation.key);
  AppendVarint(to, relation.partition_key_size);
  AppendText(to, relation.event_time);
  AppendSignedVarint(to, relation.watermark_delay_us);
}

Result<sql::Relation> ReadRelation(ByteReader& reader) {
  sql::Relation relation;
  relation.name = ReadText(reader);
  const auto kind = reader.Little<uint8_t>();
  if (kind > static_cast<uint8_t>(sql::RelationKind::kReference))
    return Fail(ErrorCode::kDamaged, "query definition names a source of unknown kind {}", kind);
  relation.kind = static_cast<sql::RelationKind>(kind);
  const std::string ddl = ReadText(reader);
  if (!ddl.empty()) {
    sql::ParsedSchema parsed = sql::ParseSchemaDdl(ddl);
    if (!parsed.errors.empty()) return std::unexpected(sql::ToError(parsed.errors, relation.name));
    relation.schema = std::move(parsed.schema);
  }
  relation.key = ReadTexts(reader);
  relation.partition_key_size = reader.Varint();
  relation.event_time = ReadText(reader);
  relation.watermark_delay_us = reader.SignedVarint();
  return relation;
}

void CollectRelations(const sql::Plan& plan, std::vector<sql::Relation>& found) {
  if (plan.kind == sql::PlanKind::kScan || plan.kind == sql::PlanKind::kLookup) {
    const auto known = std::ranges::any_of(
        found, [&](const sql::Relation& r) { return r.name == plan.relation.name; });
    if (!known) found.push_back(plan.relation);
  }
  for (const sql::PlanPtr& input : plan.inputs) CollectRelations(*input, found);
}

class StoredCatalog final : public sql::Catalog {
 public:
  explicit StoredCatalog(const std::vector<sql::Relation>& relations) : relations_(relations) {}
  const sql::Relation* Find(std::string_view name) const override {
    for (const sql::Relation& relation : relations_) {
      if (relation.name == name) return &relation;
    }
    return nullptr;
  }
  std::vector<std::string> Names() const override { return {}; }

 private:
  const std::vector<sql::Relation>& relations_;
};

}  // namespace

std::vector<std::string> StreamsOf(const sql::Plan& plan) {
  std::vector<sql::Relation> relations;
  CollectRelations(plan, relations);
  std::vector<std::string> topics;
  for (const sql::Relation& relation : relations) {
    if (relation.kind == sql::RelationKind::kStream) topics.push_back(relation.name);
  }
  return topics;
}

std::string SchemaToDdl(const data::Schema& schema) {
  std::string text;
  for (const data::Field& field : schema.fields) {
    text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", Quoted(field.name),
                        TypeToDdl(*field.type), field.nullable ? "" : " NOT NULL");
  }
  return text;
}

QueryDefinition QueryDefinition::Of(const QueryDef& query) {
  QueryDefinition definition;
  definition.name = query.name;
  definition.sql = query.sql.text;
  definition.ansi = query.ansi;
  definition.emit_changes = query.emit_changes;
  definition.start_latest = query.start_latest;
  definition.idle_timeout_us = query.idle_timeout_us;
  definition.max_future_skew_us = query.max_future_skew_us;
  for (const ExpectDef& expect : query.expect) {
    definition.expect.push_back({expect.name, expect.condition.text, expect.message});
  }
  definition.tables = query.tables;
  definition.topic = query.topic;
  definition.dead_letters = query.dead_letters;
  definition.late = query.late;
  CollectRelations(*query.plan, definition.relations);
  return definition;
}

std::string QueryDefinition::Encode() const {
  std::string bytes(1, static_cast<char>(kVersion));
  AppendText(bytes, name);
  AppendText(bytes, sql);
  bytes.push_back(static_cast<char>(ansi | emit_changes << 1 | start_latest << 2));
  AppendSignedVarint(bytes, idle_timeout_us);
  AppendSignedVarint(bytes, max_future_skew_us);
  AppendVarint(bytes, expect.size());
  for (const Expectation& item : expect) {
    AppendText(bytes, item.name);
    AppendText(bytes, item.condition);
    AppendText(bytes, item.message);
  }
  AppendTexts(bytes, tables);
  AppendText(bytes, topic);
  AppendText(bytes, dead_letters);
  AppendText(bytes, late);
  AppendVarint(bytes, relations.size());
  for (const sql::Relation& relation : relations) AppendRelation(bytes, relation);
  return bytes;
}

Result<QueryDefinition> QueryDefinition::Decode(std::string_view bytes) {
  ByteReader reader(bytes);
  if (const auto version = reader.Little<uint8_t>(); version != kVersion) {
    return Fail(ErrorCode::kDamaged, "query definition of unknown version {}", version);
  }
  QueryDefinition definition;
  definition.name = ReadText(reader);
  definition.sql = ReadText(reader);
  const auto flags = reader.Little<uint8_t>();
  definition.ansi = (flags & 1) != 0;
  definition.emit_changes = (flags & 2) != 0;
  definition.start_latest = (flags & 4) != 0;
  definition.idle_timeout_us = reader.SignedVarint();
  definition.max_future_skew_us = reader.SignedVarint();
  const uint64_t expectations = reader.Varint();
  for (uint64_t i = 0; i < expectations && reader.ok(); ++i) {
    Expectation item;
    item.name = ReadText(reader);
    item.condition = ReadText(reader);
    item.message = ReadText(reader);
    definition.expect.push_back(std::move(item));
  }
  definition.tables = ReadTexts(reader);
  definition.topic = ReadText(reader);
  definition.dead_letters = ReadText(reader);
  definition.late = ReadText(reader);
  const uint64_t relations = reader.Varint();
  for (uint64_t i = 0; i < relations && reader.ok(); ++i) {
    MR_ASSIGN(sql::Relation relation, ReadRelation(reader));
    definition.relations.push_back(std::move(relation));
  }
  if (!reader.ok() || reader.remaining() != 0) {
    return Fail(ErrorCode::kDamaged, "query definition of {} bytes is cut or too long",
                bytes.size());
  }
  return definition;
}

Result<QueryDefinition::Bound> QueryDefinition::Bind() const {
  const sql::BindOptions options{.streaming = true, .ansi = ansi};
  const sql::BoundQuery query = sql::BindQuery(sql, StoredCatalog(relations), options);
  if (query.plan == nullptr)
    return std::unexpected(
        sql::ToError(query.errors, fmt::format("stored definition of {}", name)));
  Bound bound{query.plan, {}};
  for (const Expectation& item : expect) {
    const sql::BoundExpr condition =
        sql::BindExpression(item.condition, query.plan->schema, options);
    if (condition.expr == nullptr) {
      return std::unexpected(sql::ToError(
          condition.errors, fmt::format("stored condition {} of {}", item.name, name)));
    }
    bound.conditions.push_back(condition.expr);
  }
  return bound;
}

}  // namespace millrace::pipeline
