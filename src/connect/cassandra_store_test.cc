// Tables in Cassandra: what is asked of it, and that progress waits for rows.
#include "connect/cassandra_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "connect/cassandra_select.h"
#include "cql/client/testing_server.h"
#include "cql/grammar/ddl.h"

namespace millrace::connect {
namespace {

using data::Value;

store::TableSchema TableOf(const char* cql) {
  return std::get<store::TableSchema>(cql::ParseDdl("t.cql", cql).statements.at(0).what);
}

const store::Table kVisits(0,
                           TableOf("CREATE TABLE ks.visits (country text, day int, \"Page\" text, "
                                   "hits int, PRIMARY KEY ((country), day, \"Page\")) "
                                   "WITH CLUSTERING ORDER BY (day DESC, \"Page\" ASC);"));

TEST(CassandraSelect, AsksForColumnsRangesAndOrder) {
  const auto all = SelectOf(kVisits, {});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->text, "SELECT country, day, \"Page\", hits FROM ks.visits");
  EXPECT_FALSE(all->token);

  store::ScanRequest request{.columns = {"HITS"}, .write_times = {"hits"}};
  request.partition = {Value::String("de")};
  request.clustering.lower = {Value::Int(3), true};
  request.clustering.upper = {Value::Int(9), false};
  request.reversed = true;
  const auto part = SelectOf(kVisits, request);
  ASSERT_TRUE(part) << part.error().message;
  EXPECT_EQ(
      part->text,
      "SELECT hits, WRITETIME(hits) FROM ks.visits WHERE country = ? AND day >= ? AND day < ? "
      "ORDER BY day ASC, \"Page\" DESC");
  EXPECT_EQ(part->value_count, 3);
  EXPECT_EQ(part->columns.fields[1].name, "writetime(hits)");
  ASSERT_TRUE(part->token);
  std::string values;
  for (const char* bytes : {"de"}) cql::wire::AppendBytes(values, bytes);
  EXPECT_TRUE(part->values.starts_with(values));

  EXPECT_EQ(SelectOf(kVisits, {.token_after = -5, .token_to = 7})->text,
            "SELECT country, day, \"Page\", hits FROM ks.visits WHERE token(country) > -5 AND "
            "token(country) <= 7");
  EXPECT_EQ(SelectOf(kVisits, {.columns = {"nothing"}}).error().code, ErrorCode::kNotFound);
}

class CassandraStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "cassandra_store";
    std::filesystem::remove_all(folder_);
    auto state = store::Store::Open({.folder = folder_});
    ASSERT_TRUE(state) << state.error().message;
    cql::ClientOptions options = server_.Options();
    options.retry_timeout = std::chrono::milliseconds(300);
    auto client = cql::Client::Open(options);
    ASSERT_TRUE(client) << client.error().message;
    store_ = MakeCassandraStore(std::move(*state), std::move(*client),
                                {{{}, {}, {kVisits.schema}}, false});
  }

  // An epoch with one row.
  flow::EpochWrite Epoch(int64_t number) {
    const auto table = store_->FindTable("ks", "visits");
    EXPECT_TRUE(table);
    const data::Schema schema = (*table)->sql;
    const auto writer = store_->MakeTableWriter(*table, schema);
    EXPECT_TRUE(writer) << writer.error().message;
    data::Batch batch{std::make_shared<const data::Schema>(schema), {}, 1};
    const Value row[] = {Value::String("de"), Value::Int(1), Value::String("/"), Value::Int(7)};
    for (size_t c = 0; c < std::size(row); ++c)
      batch.columns.push_back(
          data::ColumnFromValues(*schema.fields[c].type, std::span(&row[c], 1)));
    data::RowErrors errors(1);
    flow::EpochWrite write;
    write.query = "q";
    write.progress.epoch = EpochId(number);
    const std::vector<int64_t> times{number};
    write.rows.push_back(*(*writer)->Encode(batch, times, errors));
    return write;
  }

  std::string folder_;
  cql::TestServer server_{{}};
  std::unique_ptr<store::Store> store_;
};

TEST_F(CassandraStoreTest, ProgressFollowsAcknowledgedRows) {
  ASSERT_TRUE(store_->Commit(Epoch(1)));
  EXPECT_EQ(server_.writes().size(), 1u);
  EXPECT_EQ(store_->LoadProgress("q")->epoch, EpochId(1));

  server_.on_write = [](const cql::ReceivedWrite&) -> cql::TestServer::Reply {
    return {cql::wire::ErrorResponse{.kind = cql::wire::ErrorKind::kUnavailable, .message = "few"}};
  };
  const Status refused = store_->Commit(Epoch(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable) << "the query starts again";
  EXPECT_EQ(store_->LoadProgress("q")->epoch, EpochId(1)) << "progress ran ahead of rows";
}

TEST_F(CassandraStoreTest, LookUpsAskEachKeyOnceAndGiveRowsByKey) {
  std::string one;
  std::string two;
  for (const int32_t hits : {1, 2}) {
    std::string bytes;
    AppendBig(bytes, hits);
    if (hits == 1) cql::wire::AppendBytes(one, bytes);
    cql::wire::AppendBytes(two, bytes);
  }
  std::string de;
  cql::wire::AppendBytes(de, "de");
  server_.on_write = [&](const cql::ReceivedWrite& read) -> cql::TestServer::Reply {
    cql::wire::RowsResult rows;
    rows.metadata.columns = {{"ks", "visits", "hits", store::CqlType(store::CqlKind::kInt)}};
    rows.metadata.column_count = 1;
    rows.row_count = read.rows[0] == de ? 1 : 2;
    rows.cells = read.rows[0] == de ? one : two;
    return {cql::wire::ResultBody{rows}};
  };
  server_.ForgetPrepared();
  const std::vector<Value> countries = {Value::String("de"), Value::Null(), Value::String("fr"),
                                        Value::String(""), Value::String("de")};
  const data::ColumnPtr key = data::ColumnFromValues(data::DataType::String(), countries);
  const auto found =
      store_->Lookup(*store_->FindTable("ks", "visits"), std::span(&key, 1), {"hits"});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->key_rows, (std::vector<uint32_t>{0, 2, 2, 4}));
  ASSERT_EQ(found->rows.rows, 4u);
  EXPECT_EQ(found->rows.columns[0]->ValueAt(2).integer(), 2);
  EXPECT_EQ(server_.writes().size(), 2u) << "each key is asked once";
}

TEST_F(CassandraStoreTest, RefusesByNameWhatIsNotThere) {
  const auto shadow = store_->CreateShadow("ks", "visits");
  ASSERT_FALSE(shadow);
  EXPECT_EQ(shadow.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(shadow.error().message.find("replay"), std::string::npos);
  EXPECT_EQ(store_->FindTable("ks", "other").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::connect
