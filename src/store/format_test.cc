// The examples of docs/formats/table-row.md, read from there and compared with the code's bytes.
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "store/deletions.h"
#include "store/key.h"
#include "store/row.h"
#include "store/state_key.h"

namespace millrace::store {
namespace {

using data::Value;

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return text;
}

// Lines "    name = hex" of the document.
std::map<std::string, std::string> ExamplesOfDocument() {
  std::ifstream in(MILLRACE_SOURCE_DIR "/docs/formats/table-row.md");
  EXPECT_TRUE(in.good());
  std::map<std::string, std::string> examples;
  for (std::string line; std::getline(in, line);) {
    const size_t equals = line.rfind(" =");
    if (!line.starts_with("    ") || equals == std::string::npos) continue;
    const std::string hex = line.substr(equals + 2);
    examples[line.substr(4, equals - 4)] = hex.empty() ? "" : hex.substr(1);
  }
  return examples;
}

Table UsersById() {
  TableSchema schema{.keyspace = "users", .name = "by_id"};
  schema.columns = {
      {.name = "id", .type = CqlType(CqlKind::kUuid), .kind = ColumnKind::kPartitionKey},
      {.name = "name", .type = CqlType(CqlKind::kText), .id = 0},
      {.name = "age", .type = CqlType(CqlKind::kInt), .id = 1}};
  return Table(1, schema);
}

Table UsersByCountry() {
  TableSchema schema{.keyspace = "users", .name = "by_country"};
  schema.columns = {
      {.name = "country", .type = CqlType(CqlKind::kText), .kind = ColumnKind::kPartitionKey},
      {.name = "registered",
       .type = CqlType(CqlKind::kTimestamp),
       .kind = ColumnKind::kClustering,
       .descending = true},
      {.name = "n", .type = CqlType(CqlKind::kInt), .kind = ColumnKind::kClustering}};
  return Table(2, schema);
}

std::string Row(const RowHeader& header, const std::vector<Cell>& cells) {
  std::string bytes;
  RowWriter writer(header, bytes);
  for (const Cell& cell : cells) writer.Add(cell);
  return bytes;
}

std::map<std::string, std::string> ExamplesOfCode() {
  std::map<std::string, std::string> examples;
  const Table by_id = UsersById();
  const Table by_country = UsersByCountry();
  const std::string age("\0\0\0\x24", 4);
  examples["key of table 1, id 00112233-4455-6677-8899-aabbccddeeff"] =
      Hex(*RowKey(by_id, {Value::String("00112233-4455-6677-8899-aabbccddeeff")}));
  examples["key of table 2, 'nl', 1970-01-01T00:00:01Z, 5"] =
      Hex(*RowKey(by_country, {Value::String("nl"), Value::Int(1000000), Value::Int(5)}));
  examples["row of name 'Ada', age 36 at 1000 us"] =
      Hex(Row({.alive = true, .write_us = 1000}, {{.column = 0, .write_us = 1000, .value = "Ada"},
                                                  {.column = 1, .write_us = 1000, .value = age}}));
  examples["row of name NULL at 1000 us, age 36 at 1001 us with TTL 60"] =
      Hex(Row({.alive = true, .write_us = 1000},
              {{.column = 0, .tombstone = true, .write_us = 1000},
               {.column = 1, .ttl_s = 60, .write_us = 1001, .value = age}}));
  examples["delete of a row at 1000 us"] = Hex(Row({.write_us = 1000, .delete_us = 1000}, {}));
  Deletions deletions;
  deletions.ranges.push_back(
      {*ClusteringKeyRange(by_country,
                           {.lower = ClusteringRange::Bound{Value::Int(1000000), false}}),
       1000});
  examples["delete at 1000 us of country 'nl' with registered > 1970-01-01T00:00:01Z"] =
      Hex(deletions.Encode());
  examples["state of query 'q', operator 3, group 255, key 'k'"] = Hex(StateKey("q", 3, 255, "k"));
  return examples;
}

TEST(Format, ExamplesOfTheDocumentAreWhatTheCodeWrites) {
  const auto document = ExamplesOfDocument();
  const auto code = ExamplesOfCode();
  EXPECT_EQ(document.size(), code.size());
  for (const auto& [name, hex] : code) {
    const auto found = document.find(name);
    ASSERT_NE(found, document.end()) << name;
    EXPECT_EQ(found->second, hex) << name;
  }
}

TEST(Format, ExamplesReadBack) {
  for (const auto& [name, hex] : ExamplesOfDocument()) {
    if (!name.starts_with("row of") && !name.starts_with("delete of a row")) continue;
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    RowReader reader(bytes);
    ASSERT_TRUE(reader.ok()) << name;
    EXPECT_EQ(reader.header().write_us, 1000) << name;
    Cell cell;
    size_t cells = 0;
    while (reader.Next(cell)) ++cells;
    EXPECT_TRUE(reader.ok()) << name;
    EXPECT_EQ(cells, name.starts_with("row of") ? 2u : 0u) << name;
  }
}

}  // namespace
}  // namespace millrace::store
