#include "pipeline/query_definition.h"

#include <gtest/gtest.h>

#include "io/clock.h"
#include "pipeline/project.h"

namespace millrace::pipeline {
namespace {

QueryDefinition Example() {
  QueryDefinition definition;
  definition.name = "signups";
  definition.sql =
      "SELECT upper(id) AS id, c.region FROM STREAM(raw) r LEFT JOIN countries c "
      "ON c.name = r.country";
  definition.ansi = false;
  definition.emit_changes = true;
  definition.start_latest = true;
  definition.idle_timeout_us = 5000000;
  definition.max_future_skew_us = -1;
  definition.expect = {{"id", "id IS NOT NULL", "no id"}, {"region", "region > 'A'", ""}};
  definition.tables = {"k.a", "k.b"};
  definition.topic = "out";
  definition.dead_letters = "bad";
  definition.late = "late";
  sql::Relation raw;
  raw.name = "raw";
  raw.kind = sql::RelationKind::kStream;
  raw.schema = {{{"id", data::DataType::String()},
                 {"country", data::DataType::String(), false},
                 {"at", data::DataType::Timestamp()}}};
  raw.event_time = "at";
  raw.watermark_delay_us = 60000000;
  sql::Relation countries;
  countries.name = "countries";
  countries.kind = sql::RelationKind::kReference;
  countries.schema = {{{"name", data::DataType::String()}, {"region", data::DataType::String()}}};
  countries.key = {"name"};
  definition.relations = {raw, countries};
  return definition;
}

TEST(QueryDefinition, ComesBackAsItWasStored) {
  const QueryDefinition before = Example();
  const auto after = QueryDefinition::Decode(before.Encode());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->name, before.name);
  EXPECT_EQ(after->sql, before.sql);
  EXPECT_EQ(after->ansi, before.ansi);
  EXPECT_EQ(after->emit_changes, before.emit_changes);
  EXPECT_EQ(after->start_latest, before.start_latest);
  EXPECT_EQ(after->idle_timeout_us, before.idle_timeout_us);
  EXPECT_EQ(after->max_future_skew_us, before.max_future_skew_us);
  EXPECT_EQ(after->expect, before.expect);
  EXPECT_EQ(after->tables, before.tables);
  EXPECT_EQ(after->topic, before.topic);
  EXPECT_EQ(after->dead_letters, before.dead_letters);
  EXPECT_EQ(after->late, before.late);
  ASSERT_EQ(after->relations.size(), 2U);
  EXPECT_EQ(after->relations[0].schema, before.relations[0].schema);
  EXPECT_EQ(after->relations[0].watermark_delay_us, 60000000);
  EXPECT_EQ(after->relations[1].key, std::vector<std::string>{"name"});
  EXPECT_EQ(after->Encode(), before.Encode());
}

TEST(QueryDefinition, BindsAgainToTheSamePlan) {
  const auto stored = QueryDefinition::Decode(Example().Encode());
  ASSERT_TRUE(stored);
  const auto first = Example().Bind();
  const auto again = stored->Bind();
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(sql::ToString(*first->plan), sql::ToString(*again->plan));
  EXPECT_EQ(again->conditions.size(), 2U);

  QueryDefinition broken = Example();
  broken.sql = "SELECT nope FROM STREAM(raw)";
  EXPECT_FALSE(broken.Bind());
  broken = Example();
  broken.expect[1].condition = "nope = 1";
  EXPECT_FALSE(broken.Bind());
}

TEST(QueryDefinition, EveryCutAndEveryFlippedBitIsReadOrRefused) {
  const std::string bytes = Example().Encode();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(QueryDefinition::Decode(bytes.substr(0, size))) << size;
  }
  EXPECT_FALSE(QueryDefinition::Decode(bytes + "x"));
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    const auto decoded = QueryDefinition::Decode(flipped);
    if (!decoded) continue;
    for (const sql::Relation& relation : decoded->relations)
      EXPECT_LE(relation.kind, sql::RelationKind::kReference);
  }
}

data::DataType RandomType(io::SeededRandom& random, int depth) {
  using data::DataType;
  static const DataType kScalars[] = {
      DataType::Boolean(),      DataType::Tinyint(),      DataType::Smallint(),
      DataType::Int(),          DataType::Bigint(),       DataType::Float(),
      DataType::Double(),       DataType::Decimal(38, 0), DataType::Decimal(12, 4),
      DataType::String(),       DataType::Binary(),       DataType::Date(),
      DataType::TimestampNtz(), DataType::Timestamp()};
  const uint64_t pick = random.Next() % (depth > 2 ? 10 : 16);
  if (pick < 10) return kScalars[random.Next() % std::size(kScalars)];
  if (pick < 12) return DataType::Array(RandomType(random, depth + 1));
  if (pick < 14) return DataType::Map(DataType::String(), RandomType(random, depth + 1));
  std::vector<data::Field> fields;
  for (uint64_t i = 0; i <= random.Next() % 3; ++i)
    fields.emplace_back(fmt::format("a `b` {}", i), RandomType(random, depth + 1));
  return DataType::Struct(std::move(fields));
}

TEST(SchemaToDdl, IsReadBackEqual) {
  io::SeededRandom random(7);
  for (int round = 0; round < 500; ++round) {
    data::Schema schema;
    for (uint64_t i = 0; i <= random.Next() % 4; ++i) {
      schema.fields.emplace_back(fmt::format("select {}`{}", round, i), RandomType(random, 0),
                                 random.Next() % 2 == 0);
    }
    const std::string ddl = SchemaToDdl(schema);
    const sql::ParsedSchema parsed = sql::ParseSchemaDdl(ddl);
    ASSERT_TRUE(parsed.errors.empty()) << ddl << ": " << parsed.errors[0].message;
    ASSERT_EQ(parsed.schema, schema) << ddl << "\n" << SchemaToDdl(parsed.schema);
  }
}

}  // namespace
}  // namespace millrace::pipeline
