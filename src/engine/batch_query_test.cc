#include "engine/batch_query.h"

#include <map>

#include <gtest/gtest.h>

#include "engine/format.h"

namespace millrace::engine {
namespace {

using data::Batch;
using data::DataType;
using data::Field;
using data::Schema;
using data::Value;

// Relations in memory, given in batches of two rows.
class Tables final : public sql::Catalog, public BatchSources {
 public:
  void Add(const std::string& name, const Schema& schema, std::vector<std::vector<Value>> rows) {
    relations_[name] = {.name = name,
                        .kind = sql::RelationKind::kTable,
                        .schema = schema,
                        .key = {schema.fields[0].name},
                        .partition_key_size = 1,
                        .event_time = {},
                        .watermark_delay_us = 0};
    rows_[name] = std::move(rows);
  }

  const sql::Relation* Find(std::string_view name) const override {
    const auto found = relations_.find(std::string(name));
    return found == relations_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    for (const auto& [name, relation] : relations_) names.push_back(name);
    return names;
  }

  Result<std::unique_ptr<BatchReader>> Scan(const ScanRequest& request) override {
    return std::make_unique<Reader>(*this, request);
  }

  size_t batches_given = 0;

 private:
  class Reader : public BatchReader {
   public:
    Reader(Tables& tables, const ScanRequest& request)
        : tables_(tables),
          rows_(tables.rows_[request.relation.name]),
          schema_(std::make_shared<const Schema>(request.columns)) {
      for (const Field& field : request.columns.fields)
        places_.push_back(static_cast<size_t>(request.relation.schema.IndexOf(field.name)));
    }
    Result<std::optional<Batch>> Next() override {
      if (at_ >= rows_.size()) return std::nullopt;
      ++tables_.batches_given;
      const size_t count = std::min<size_t>(2, rows_.size() - at_);
      Batch batch{.schema = schema_, .columns = {}, .rows = count};
      for (size_t i = 0; i < places_.size(); ++i) {
        std::vector<Value> values;
        for (size_t row = at_; row < at_ + count; ++row) values.push_back(rows_[row][places_[i]]);
        batch.columns.push_back(data::ColumnFromValues(*schema_->fields[i].type, values));
      }
      at_ += count;
      return batch;
    }

   private:
    Tables& tables_;
    const std::vector<std::vector<Value>>& rows_;
    std::shared_ptr<const Schema> schema_;
    std::vector<size_t> places_;
    size_t at_ = 0;
  };

  std::map<std::string, sql::Relation> relations_;
  std::map<std::string, std::vector<std::vector<Value>>> rows_;
};

Tables People() {
  Tables tables;
  const auto person = [](int id, const char* name, const char* country, int age) {
    return std::vector<Value>{Value::Int(id), Value::String(name),
                              country ? Value::String(country) : Value::Null(), Value::Int(age)};
  };
  tables.Add("people",
             {{Field("id", DataType::Int()), Field("name", DataType::String()),
               Field("country", DataType::String()), Field("age", DataType::Int())}},
             {person(1, "Ann", "de", 30), person(2, "Bo", "fr", 25), person(3, "Cy", "de", 40),
              person(4, "Di", nullptr, 25), person(5, "Ed", "us", 0)});
  tables.Add("countries", {{Field("code", DataType::String()), Field("label", DataType::String())}},
             {{Value::String("de"), Value::String("Germany")},
              {Value::String("fr"), Value::String("France")}});
  return tables;
}

std::string Query(Tables& tables, const std::string& text, BatchOptions options = {}) {
  const sql::BoundQuery bound = sql::BindQuery(text, tables, {});
  if (!bound.plan) return bound.errors.empty() ? "unbound" : bound.errors[0].message;
  std::string out;
  const auto formatter =
      ResultFormatter::Make(OutputFormat::kJson, bound.plan->schema, TimeZone::Utc());
  const auto stats = RunBatch(*bound.plan, tables, options, [&](const Batch& batch) {
    formatter->Add(batch, out);
    return true;
  });
  if (!stats) return stats.error().message;
  return out;
}

std::string Query(const std::string& text) {
  Tables tables = People();
  return Query(tables, text);
}

TEST(BatchQueryTest, FiltersProjectsSortsAndLimits) {
  EXPECT_EQ(
      Query("SELECT name, age + 1 AS next FROM people WHERE country = 'de' ORDER BY age DESC"),
      "{\"name\":\"Cy\",\"next\":41}\n{\"name\":\"Ann\",\"next\":31}\n");
  EXPECT_EQ(Query("SELECT id FROM people ORDER BY country, id"),
            "{\"id\":4}\n{\"id\":1}\n{\"id\":3}\n{\"id\":2}\n{\"id\":5}\n");
  EXPECT_EQ(Query("SELECT id FROM people ORDER BY country DESC, id LIMIT 2"),
            "{\"id\":5}\n{\"id\":2}\n");
  EXPECT_EQ(Query("SELECT DISTINCT age FROM people ORDER BY 1"),
            "{\"age\":0}\n{\"age\":25}\n{\"age\":30}\n{\"age\":40}\n");
  EXPECT_EQ(Query("SELECT 1 AS a, 'x' AS b"), "{\"a\":1,\"b\":\"x\"}\n");
}

TEST(BatchQueryTest, GroupsJoinsAndUnions) {
  EXPECT_EQ(Query("SELECT country, count(*) AS n, avg(age) AS age FROM people GROUP BY country "
                  "ORDER BY country NULLS LAST"),
            "{\"country\":\"de\",\"n\":2,\"age\":35.0}\n{\"country\":\"fr\",\"n\":1,\"age\":25.0}\n"
            "{\"country\":\"us\",\"n\":1,\"age\":0.0}\n{\"country\":null,\"n\":1,\"age\":25.0}\n");
  EXPECT_EQ(Query("SELECT count(*) AS n, max(age) AS m FROM people WHERE age > 100"),
            "{\"n\":0,\"m\":null}\n");
  EXPECT_EQ(Query("SELECT count(*) FILTER (WHERE age > 26) AS n, first(name) AS f FROM people"),
            "{\"n\":2,\"f\":\"Ann\"}\n");
  EXPECT_EQ(Query("SELECT p.id, c.label FROM people p LEFT JOIN countries c ON c.code = p.country "
                  "ORDER BY p.id LIMIT 4"),
            "{\"id\":1,\"label\":\"Germany\"}\n{\"id\":2,\"label\":\"France\"}\n"
            "{\"id\":3,\"label\":\"Germany\"}\n{\"id\":4,\"label\":null}\n");
  EXPECT_EQ(
      Query("SELECT id FROM people WHERE id = 1 UNION ALL SELECT id FROM people WHERE id > 4"),
      "{\"id\":1}\n{\"id\":5}\n");
}

TEST(BatchQueryTest, StacksAndTakesJsonApart) {
  EXPECT_EQ(Query("SELECT stack(2, 1, 'a', NULL) AS (n, t)"),
            "{\"n\":1,\"t\":\"a\"}\n{\"n\":null,\"t\":null}\n");
  EXPECT_EQ(Query("SELECT id, s.col0 FROM people LATERAL VIEW stack(2, id, age) s WHERE id = 1"),
            "{\"id\":1,\"col0\":1}\n{\"id\":1,\"col0\":30}\n");
  EXPECT_EQ(Query(R"(SELECT json_tuple('{"a":1,"b":{"c":[1, 2]},"d":null,"x.y":"z"}',
                     'a', 'd', 'x.y', 'none'))"),
            "{\"c0\":\"1\",\"c1\":null,\"c2\":\"z\",\"c3\":null}\n");
  EXPECT_EQ(Query("SELECT json_tuple(CAST(NULL AS STRING), 'a')"), "{\"c0\":null}\n");
  EXPECT_NE(Query("SELECT stack(0, 1)").find("stack() takes a number of rows"), std::string::npos);
}

// Values as Spark 4.1 gives them.
TEST(BatchQueryTest, CountsValuesAndForgivesOverflow) {
  const auto of = [](const std::string& select, const std::string& values) {
    return Query("SELECT " + select + " FROM (VALUES " + values + ") AS t(x)");
  };
  EXPECT_EQ(of("median(x) AS m, percentile(x, 0.25) AS p, percentile(x, 0.9) AS q, mode(x) AS o",
               "(1), (2), (2), (10), (NULL)"),
            "{\"m\":2.0,\"p\":1.75,\"q\":7.600000000000001,\"o\":2}\n");
  EXPECT_EQ(of("median(x) AS m, mode(x) AS o", "(CAST(NULL AS INT))"), "{\"m\":null,\"o\":null}\n");
  EXPECT_EQ(of("mode(x) AS o", "('b'), ('a'), ('b'), ('a')"), "{\"o\":\"a\"}\n");
  EXPECT_EQ(of("try_sum(x) AS s, try_avg(x) AS a", "(9223372036854775807L), (1L)"),
            "{\"s\":null,\"a\":4.611686018427388E18}\n");
  EXPECT_EQ(of("stddev_pop(x) AS s, var_pop(x) AS v, stddev(x) AS d", "(1), (2), (4)"),
            "{\"s\":1.247219128924647,\"v\":1.5555555555555556,\"d\":1.5275252316519468}\n");
  EXPECT_EQ(of("stddev_pop(x) AS s, stddev(x) AS d", "(1)"), "{\"s\":0.0,\"d\":null}\n");
  EXPECT_EQ(of("percentile(x, 1.5)", "(1)"),
            "the percentage of percentile() is a literal from 0 to 1");
}

TEST(BatchQueryTest, WindowsOfATableOverlapAsTheirSlideSays) {
  Tables tables;
  const auto at = [](int64_t seconds) {
    return std::vector<Value>{Value::Int(seconds * 1'000'000)};
  };
  tables.Add("events", {{Field("ts", DataType::Timestamp())}},
             {at(0), at(59), at(60), at(-1), {Value::Null()}});
  EXPECT_EQ(Query(tables,
                  "SELECT unix_seconds(window.start) AS s, count(*) AS n FROM events "
                  "GROUP BY window(ts, '1 minute', '30 seconds') ORDER BY 1"),
            "{\"s\":-60,\"n\":1}\n{\"s\":-30,\"n\":2}\n{\"s\":0,\"n\":2}\n{\"s\":30,\"n\":2}\n"
            "{\"s\":60,\"n\":1}\n");
}

TEST(BatchQueryTest, ARowThatFailsEndsTheQuery) {
  EXPECT_NE(Query("SELECT 10 / age FROM people").find("[DIVIDE_BY_ZERO]"), std::string::npos);
  EXPECT_NE(Query("SELECT sum(CAST(name AS INT)) FROM people").find("[CAST_INVALID_INPUT]"),
            std::string::npos);
}

TEST(BatchQueryTest, LimitStopsReading) {
  Tables tables = People();
  EXPECT_EQ(Query(tables, "SELECT id FROM people LIMIT 1"), "{\"id\":1}\n");
  EXPECT_EQ(tables.batches_given, 1u);
}

TEST(BatchQueryTest, MemoryIsBoundedAndCancelEnds) {
  Tables tables = People();
  for (const char* text : {"SELECT id FROM people ORDER BY id", "SELECT DISTINCT id FROM people",
                           "SELECT id, count(*) FROM people GROUP BY id"}) {
    EXPECT_NE(Query(tables, text, {.memory_bytes_max = 10, .context = {}}).find("limit of 0 MiB"),
              std::string::npos)
        << text;
  }
  CancelToken cancel;
  cancel.Cancel();
  BatchOptions options;
  options.cancel = &cancel;
  EXPECT_EQ(Query(tables, "SELECT id FROM people", options).find("{"), std::string::npos);
}

}  // namespace
}  // namespace millrace::engine
