#include "sql/testing_catalog.h"

#include "base/check.h"

namespace millrace::sql {
namespace {

data::Schema SchemaOf(std::string_view ddl) {
  ParsedSchema parsed = ParseSchemaDdl(ddl);
  MR_CHECK(parsed.errors.empty(), "the test's schema is right");
  return std::move(parsed.schema);
}

Relation Topic(std::string name, std::string_view ddl, std::string event_time, int64_t delay_us) {
  Relation relation;
  relation.name = std::move(name);
  relation.kind = RelationKind::kTopic;
  relation.schema = SchemaOf(ddl);
  relation.event_time = std::move(event_time);
  relation.watermark_delay_us = delay_us;
  return relation;
}

Relation Keyed(std::string name, RelationKind kind, std::string_view ddl,
               std::vector<std::string> key, size_t partition_key_size) {
  Relation relation;
  relation.name = std::move(name);
  relation.kind = kind;
  relation.schema = SchemaOf(ddl);
  relation.key = std::move(key);
  relation.partition_key_size = partition_key_size;
  return relation;
}

}  // namespace

TestingCatalog::TestingCatalog() {
  constexpr int64_t kMinuteUs = 60'000'000;
  relations_.push_back(Topic(
      "users_raw",
      "gender STRING, name STRUCT<title: STRING, first: STRING, last: STRING>, "
      "location STRUCT<street: STRUCT<number: INT, name: STRING>, city: STRING, state: STRING, "
      "country: STRING, postcode: STRING>, email STRING, "
      "login STRUCT<uuid: STRING, username: STRING>, dob STRUCT<date: TIMESTAMP, age: INT>, "
      "registered STRUCT<date: TIMESTAMP, age: INT>, phone STRING, nat STRING",
      "registered.date", kMinuteUs));
  relations_.push_back(Topic("clicks",
                             "id BIGINT NOT NULL, at TIMESTAMP, url STRING, price DECIMAL(10,2), "
                             "tags ARRAY<STRING>, counts MAP<STRING, INT>, "
                             "items ARRAY<STRUCT<sku: STRING, n: INT>>, ok BOOLEAN, day DATE, "
                             "raw BINARY, score DOUBLE, small SMALLINT",
                             "at", 0));
  relations_.push_back(Topic("untimed", "id BIGINT, text STRING", "", 0));
  relations_.push_back(Topic("broken", "id BIGINT, at STRING", "at", 0));
  relations_.push_back(Keyed("countries", RelationKind::kReference,
                             "name STRING, region STRING, continent STRING, calling_code STRING",
                             {"name"}, 0));
  relations_.push_back(Keyed("users.by_country", RelationKind::kTable,
                             "country STRING, registered TIMESTAMP, id STRING, score INT",
                             {"country", "registered", "id"}, 1));
  relations_.push_back(
      Keyed("users.by_id", RelationKind::kTable, "id BIGINT, name STRING, score INT", {"id"}, 1));
}

const Relation* TestingCatalog::Find(std::string_view name) const {
  for (const Relation& relation : relations_) {
    if (data::EqualsIgnoringCase(relation.name, name)) return &relation;
  }
  return nullptr;
}

std::vector<std::string> TestingCatalog::Names() const {
  std::vector<std::string> names;
  for (const Relation& relation : relations_) names.push_back(relation.name);
  return names;
}

}  // namespace millrace::sql
