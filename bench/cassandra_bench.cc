// Rows per second and client CPU of Cassandra's client alone, into one real node.
//
//   cassandra_bench HOST PORT [ROWS=500000] [VERSION=5] [none|lz4]
//
// Method: rows of about 300 bytes (uuid key, 9 columns), made before the clock starts, go through
// the table sink as epochs of 10,000 do: encoded, grouped by partition, written with 256 requests
// in flight at LOCAL_ONE, each acknowledged before the clock stops. Every key is its own partition,
// so each row is one request: the hard case. CPU is that of this process, encoding included. After
// it, the rows are counted in the table.
#include <cstdlib>
#include <vector>

#include "base/uuid.h"
#include "cql/client/row_values.h"
#include "cql/client/schema_sync.h"
#include "cql/client/table_sink.h"
#include "cql/grammar/ddl.h"
#include "io/clock.h"
#include "measure.h"
#include "store/sql_types.h"

namespace millrace {
namespace {

constexpr size_t kBatchRows = 10'000;
constexpr const char* kSchema = R"(
CREATE KEYSPACE millrace_bench
  WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
CREATE TABLE millrace_bench.users (
  id uuid PRIMARY KEY, full_name text, email text, city text, country text, address text,
  age int, registered timestamp, is_adult boolean, picture text);
)";

cql::WantedSchema Wanted() {
  cql::WantedSchema wanted;
  for (const cql::DdlStatement& statement : cql::ParseDdl("bench", kSchema).statements) {
    if (const auto* keyspace = std::get_if<store::Keyspace>(&statement.what))
      wanted.keyspaces.push_back(*keyspace);
    if (const auto* table = std::get_if<store::TableSchema>(&statement.what))
      wanted.tables.push_back(*table);
  }
  return wanted;
}

data::Batch MakeBatch(const data::Schema& schema, io::SeededRandom& random, size_t rows) {
  std::vector<std::vector<data::Value>> columns(schema.fields.size());
  for (size_t row = 0; row < rows; ++row) {
    for (size_t c = 0; c < columns.size(); ++c) {
      switch (schema.fields[c].type->kind()) {
        case data::TypeKind::kString:
          columns[c].push_back(
              data::Value::String(c == 0 ? Uuid::FromRandom(random.Next(), random.Next()).ToString()
                                         : fmt::format("{} {:016x} {:08x}", schema.fields[c].name,
                                                       random.Next(), random.Next() >> 32)));
          break;
        case data::TypeKind::kBoolean:
          columns[c].push_back(data::Value::Bool((random.Next() & 1) != 0));
          break;
        default:
          columns[c].push_back(data::Value::Int(static_cast<int64_t>(random.Next() >> 34)));
      }
    }
  }
  data::Batch batch{std::make_shared<const data::Schema>(schema), {}, rows};
  for (size_t c = 0; c < columns.size(); ++c) {
    batch.columns.push_back(data::ColumnFromValues(*schema.fields[c].type, columns[c]));
  }
  return batch;
}

Result<int64_t> CountRows(cql::Client& client) {
  int64_t count = 0;
  std::string paging_state;
  do {
    MR_ASSIGN(const cql::Answer answer,
              client.Query("SELECT is_adult FROM millrace_bench.users",
                           {.page_rows = 5000, .paging_state = paging_state}));
    if (answer.rows() == nullptr) return Fail(ErrorCode::kInternal, "no rows");
    count += answer.rows()->row_count;
    paging_state = answer.rows()->metadata.paging_state;
  } while (!paging_state.empty());
  return count;
}

Status Run(cql::ClientOptions options, size_t rows) {
  options.consistency = cql::wire::Consistency::kLocalOne;
  MR_ASSIGN(const auto client, cql::Client::Open(std::move(options)));
  const cql::WantedSchema wanted = Wanted();
  MR_ASSIGN(const cql::SchemaPlan plan, cql::CompareSchema(*client, wanted));
  MR_TRY(cql::ApplySchema(*client, plan, false));
  MR_TRY(client->Query("TRUNCATE millrace_bench.users"));

  const data::Schema schema = store::SqlSchemaOf(wanted.tables[0]);
  MR_ASSIGN(const auto writer, cql::MakeCassandraWriter(*client, wanted.tables[0], schema));
  io::SeededRandom random(7);
  std::vector<data::Batch> batches;
  for (size_t made = 0; made < rows; made += kBatchRows) {
    batches.push_back(MakeBatch(schema, random, std::min(kBatchRows, rows - made)));
  }
  const double cpu = bench::CpuSeconds();
  const bench::Stopwatch watch;
  int64_t write_us = io::SystemClock().Now().value;
  for (const data::Batch& batch : batches) {
    std::vector<int64_t> times(batch.rows);
    for (int64_t& time : times) time = ++write_us;
    data::RowErrors errors(batch.rows);
    MR_ASSIGN(const auto encoded, writer->Encode(batch, times, errors));
    const auto* bound = dynamic_cast<const cql::BoundRows*>(encoded.get());
    MR_TRY(cql::WriteRows(*client, std::span(&bound, 1)));
  }
  const double seconds = watch.Seconds();
  const double used = bench::CpuSeconds() - cpu;
  bench::Report("real.cassandra_client.rows_per_second", static_cast<double>(rows) / seconds,
                "rows/s");
  bench::Report("real.cassandra_client.cpu_seconds_per_million",
                used / static_cast<double>(rows) * 1e6, "s");
  const cql::ClientCounters counters = client->counters();
  MR_ASSIGN(const int64_t counted, CountRows(*client));
  fmt::print(stderr, "Cassandra {}: {} rows written, {} counted, {} requests, {} repeated\n",
             client->release_version(), rows, counted, counters.requests, counters.retries);
  if (counted != static_cast<int64_t>(rows))
    return Fail(ErrorCode::kInternal, "{} rows are in the table, wanted {}", counted, rows);
  return {};
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: cassandra_bench HOST PORT [ROWS] [VERSION] [none|lz4]\n");
    return 2;
  }
  millrace::cql::ClientOptions options;
  options.contact_points = {argv[1]};
  options.port = static_cast<uint16_t>(std::strtoul(argv[2], nullptr, 10));
  const size_t rows = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 500'000;
  if (argc > 4) options.version_most = static_cast<uint8_t>(std::strtoul(argv[4], nullptr, 10));
  if (argc > 5 && std::string_view(argv[5]) == "lz4")
    options.compression = millrace::cql::wire::Compression::kLz4;
  const auto done = millrace::Run(std::move(options), rows);
  if (done) return 0;
  fmt::print(stderr, "{}\n", done.error().ToString());
  return 1;
}
