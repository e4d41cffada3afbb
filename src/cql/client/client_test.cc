// The client against a node built from the codec: versions, logins, retries, lost connections, and
// what the table sink sends.
#include "cql/client/client.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "cql/client/table_sink.h"
#include "cql/client/testing_server.h"
#include "cql/client/topology.h"
#include "cql/grammar/ddl.h"
#include "store/sql_types.h"

namespace millrace::cql {
namespace {

constexpr const char* kInsert = "INSERT INTO ks.t (v) VALUES (?)";

std::string ValueOf(std::string_view text) {
  std::string bytes;
  wire::AppendBytes(bytes, text);
  return bytes;
}

// `count` rows, each a request of its own.
struct Rows {
  explicit Rows(const PreparedStatement& statement, size_t count) {
    for (size_t i = 0; i < count; ++i) bytes.push_back(ValueOf(std::to_string(i)));
    for (const std::string& row : bytes) views.emplace_back(row);
    for (size_t i = 0; i < count; ++i)
      requests.push_back({&statement, static_cast<int64_t>(i), std::span(views).subspan(i, 1)});
  }
  std::vector<std::string> bytes;
  std::vector<std::string_view> views;
  std::vector<WriteRequest> requests;
};

std::multiset<std::string> ReceivedRows(TestServer& server) {
  std::multiset<std::string> rows;
  for (const ReceivedWrite& write : server.writes())
    rows.insert(write.rows.begin(), write.rows.end());
  return rows;
}

TEST(CassandraClient, WritesInEveryVersionAndFraming) {
  for (const uint8_t version : {4, 5}) {
    for (const auto compression : {wire::Compression::kNone, wire::Compression::kLz4}) {
      TestServer server({.version_most = version, .password = "right"});
      ClientOptions options = server.Options();
      options.user = "app";
      options.password = Secret("right");
      options.compression = compression;
      const auto client = Client::Open(options);
      ASSERT_TRUE(client) << client.error().ToString();
      const auto statement = (*client)->Prepare(kInsert);
      ASSERT_TRUE(statement) << statement.error().ToString();
      const Rows rows(**statement, 2000);
      const Status written = (*client)->Write(rows.requests);
      ASSERT_TRUE(written) << written.error().ToString();
      EXPECT_EQ(ReceivedRows(server),
                std::multiset<std::string>(rows.bytes.begin(), rows.bytes.end()));
      EXPECT_EQ(server.writes()[0].consistency, wire::Consistency::kLocalQuorum);
    }
  }
}

TEST(CassandraClient, LogsIn) {
  TestServer server({.password = "right"});
  ClientOptions options = server.Options();
  options.user = "app";
  options.password = Secret("right");
  EXPECT_TRUE(Client::Open(options));

  options.password = Secret("wrong");
  const auto refused = Client::Open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.error().hint.find("cassandra.password"), std::string::npos);
  EXPECT_EQ(refused.error().ToString().find("wrong"), std::string::npos) << "a secret is shown";

  options.user.clear();
  const auto nobody = Client::Open(options);
  ASSERT_FALSE(nobody);
  EXPECT_NE(nobody.error().hint.find("cassandra.user"), std::string::npos);
}

TEST(CassandraClient, SaysWhatIsWrongWithAnAddress) {
  uint16_t closed_port = 0;
  {
    const TestServer gone({});
    closed_port = gone.port();
  }
  ClientOptions options;
  options.port = closed_port;
  const auto refused = Client::Open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().ToString().find("cassandra.contact_points"), std::string::npos);

  TestServer other({.greeting = "HTTP/1.1 400 Bad Request\r\n\r\n"});
  const auto http = Client::Open(other.Options());
  ASSERT_FALSE(http);
  EXPECT_NE(http.error().message.find("does not speak CQL"), std::string::npos)
      << http.error().ToString();

  ClientOptions tls = other.Options();
  tls.tls = io::TlsClientOptions{};
  const auto plain = Client::Open(tls);
  ASSERT_FALSE(plain);
  EXPECT_NE(plain.error().message.find("TLS"), std::string::npos) << plain.error().ToString();
  EXPECT_NE(plain.error().hint.find("cassandra.tls"), std::string::npos);
}

TEST(CassandraClient, RepeatsWhatMayPass) {
  TestServer server({});
  std::atomic<int> answers = 0;
  server.on_write = [&](const ReceivedWrite&) -> TestServer::Reply {
    switch (answers++ % 6) {
      case 0:
        return {wire::ErrorResponse{.kind = wire::ErrorKind::kOverloaded, .message = "busy"}};
      case 1:
        return {wire::ErrorResponse{
            .kind = wire::ErrorKind::kWriteTimeout, .message = "late", .write_type = "SIMPLE"}};
      case 2:
        return {wire::ErrorResponse{.kind = wire::ErrorKind::kUnavailable, .message = "few"}};
      default:
        return {};
    }
  };
  const auto client = Client::Open(server.Options());
  ASSERT_TRUE(client);
  const auto statement = (*client)->Prepare(kInsert);
  const Rows rows(**statement, 50);
  const Status written = (*client)->Write(rows.requests);
  ASSERT_TRUE(written) << written.error().ToString();
  EXPECT_EQ(ReceivedRows(server), std::multiset<std::string>(rows.bytes.begin(), rows.bytes.end()));
  EXPECT_GT((*client)->counters().retries, 0u);
}

TEST(CassandraClient, EndsAtWhatDoesNotPass) {
  TestServer server({});
  server.on_write = [](const ReceivedWrite&) -> TestServer::Reply {
    return {wire::ErrorResponse{.kind = wire::ErrorKind::kInvalid, .message = "Undefined column"}};
  };
  const auto client = Client::Open(server.Options());
  const auto statement = (*client)->Prepare(kInsert);
  const Rows rows(**statement, 1);
  const Status written = (*client)->Write(rows.requests);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(written.error().message.find("Undefined column"), std::string::npos);
}

TEST(CassandraClient, PreparesAgainWhatANodeForgot) {
  TestServer server({});
  const auto client = Client::Open(server.Options());
  const auto statement = (*client)->Prepare(kInsert);
  server.ForgetPrepared();
  const Rows rows(**statement, 20);
  const Status written = (*client)->Write(rows.requests);
  ASSERT_TRUE(written) << written.error().ToString();
  EXPECT_EQ(ReceivedRows(server).size(), 20u);
  EXPECT_GE(server.prepares(), 2);
}

TEST(CassandraClient, GoesOnWhenConnectionsAreCutAndAnswersAreMissing) {
  TestServer server({});
  std::atomic<int> answers = 0;
  server.on_write = [&](const ReceivedWrite&) -> TestServer::Reply {
    const int number = answers++;
    if (number == 30) return {std::nullopt, true};   // cut
    if (number == 60) return {std::nullopt, false};  // no answer at all
    return {};
  };
  ClientOptions options = server.Options();
  options.request_timeout = std::chrono::milliseconds(500);
  const auto client = Client::Open(options);
  const auto statement = (*client)->Prepare(kInsert);
  const Rows rows(**statement, 200);
  const Status written = (*client)->Write(rows.requests);
  ASSERT_TRUE(written) << written.error().ToString();
  const auto received = ReceivedRows(server);
  EXPECT_EQ(std::set<std::string>(received.begin(), received.end()).size(), 200u);
  EXPECT_GE(server.connections(), 2);
}

TEST(CassandraClient, WaitsForANodeThatIsAway) {
  TestServer server({});
  const auto client = Client::Open(server.Options());
  const auto statement = (*client)->Prepare(kInsert);
  server.Stop();
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(800));
    server.ForgetPrepared();
    server.Start();
  });
  const Rows rows(**statement, 100);
  const Status written = (*client)->Write(rows.requests);
  later.join();
  ASSERT_TRUE(written) << written.error().ToString();
  EXPECT_EQ(ReceivedRows(server).size(), 100u);
}

TEST(CassandraClient, GivesUpInTime) {
  TestServer server({});
  ClientOptions options = server.Options();
  options.retry_timeout = std::chrono::milliseconds(300);
  const auto client = Client::Open(options);
  const auto statement = (*client)->Prepare(kInsert);
  server.Stop();
  const Rows rows(**statement, 10);
  const auto begun = std::chrono::steady_clock::now();
  const Status written = (*client)->Write(rows.requests);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(4));
}

TEST(Topology, TokensBelongToTheNextNodeOfTheRing) {
  Topology topology;
  topology.nodes = {{"a", "dc", {-100, 50}}, {"b", "dc", {0}}, {"c", "dc", {100}}};
  topology.MakeRing();
  EXPECT_EQ(topology.NodesOf(-100, 1), std::vector<size_t>{0});
  EXPECT_EQ(topology.NodesOf(-99, 1), std::vector<size_t>{1});
  EXPECT_EQ(topology.NodesOf(51, 3), (std::vector<size_t>{2, 0, 1}));
  EXPECT_EQ(topology.NodesOf(101, 1), std::vector<size_t>{0});
}

data::Batch BatchOf(const data::Schema& schema, const std::vector<data::Value::List>& rows) {
  data::Batch batch{std::make_shared<const data::Schema>(schema), {}, rows.size()};
  for (size_t c = 0; c < schema.fields.size(); ++c) {
    std::vector<data::Value> values;
    for (const data::Value::List& row : rows) values.push_back(row[c]);
    batch.columns.push_back(data::ColumnFromValues(*schema.fields[c].type, values));
  }
  return batch;
}

TEST(TableSink, BindsKeysValuesNullsAndWriteTimesByPartition) {
  const auto script = ParseDdl(
      "t.cql",
      "CREATE TABLE ks.t (country text, day int, name text, PRIMARY KEY ((country), day));");
  const auto& table = std::get<store::TableSchema>(script.statements.at(0).what);
  TestServer server({});
  const auto client = Client::Open(server.Options());
  const data::Schema schema = store::SqlSchemaOf(table);
  const auto writer = MakeCassandraWriter(**client, table, schema);
  ASSERT_TRUE(writer) << writer.error().ToString();
  using data::Value;
  const data::Batch batch =
      BatchOf(schema, {{Value::String("de"), Value::Int(2), Value::Null()},
                       {Value::String("de"), Value::Int(1), Value::String("old")},
                       {Value::String(""), Value::Int(1), Value::Null()},
                       {Value::String("de"), Value::Int(1), Value::String("new")},
                       {Value::String("fr"), Value::Int(1), Value::String("x")}});
  data::RowErrors errors(batch.rows);
  const auto rows = (*writer)->Encode(batch, std::vector<int64_t>{10, 11, 12, 13, 14}, errors);
  ASSERT_TRUE(rows);
  EXPECT_TRUE(errors.Has(2)) << "Cassandra has no empty partition key";
  EXPECT_EQ((*rows)->rows(), 3u) << "the older of two rows of one key goes";
  const auto* bound = dynamic_cast<const BoundRows*>(rows->get());
  ASSERT_TRUE(WriteRows(**client, std::span(&bound, 1)));

  const auto row = [](std::string_view country, int32_t day, std::optional<std::string_view> name,
                      int64_t write_us) {
    std::string values;
    wire::AppendBytes(values, country);
    std::string number;
    AppendBig(number, day);
    wire::AppendBytes(values, number);
    wire::AppendBytes(values, name);
    number.clear();
    AppendBig(number, write_us);
    wire::AppendBytes(values, number);
    return values;
  };
  std::map<size_t, std::vector<std::string>> by_size;
  for (const ReceivedWrite& write : server.writes()) by_size[write.rows.size()] = write.rows;
  EXPECT_EQ(by_size[2],
            (std::vector<std::string>{row("de", 1, "new", 13), row("de", 2, std::nullopt, 10)}));
  EXPECT_EQ(by_size[1], std::vector<std::string>{row("fr", 1, "x", 14)});
}

}  // namespace
}  // namespace millrace::cql
