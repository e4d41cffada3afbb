#include "cql/grammar/ddl.h"

#include <gtest/gtest.h>

namespace millrace::cql {
namespace {

using store::ColumnKind;
using store::CqlKind;
using store::CqlType;
using store::TableSchema;

TableSchema TableOf(std::string_view text) {
  const DdlScript script = ParseDdl("t.cql", text);
  for (const DdlError& error : script.errors) ADD_FAILURE() << error.ToString();
  for (const DdlStatement& statement : script.statements)
    if (const auto* table = std::get_if<TableSchema>(&statement.what)) return *table;
  ADD_FAILURE() << "no table in: " << text;
  return {};
}

// All errors of a text, a line each.
std::string ErrorsOf(std::string_view text) {
  std::string all;
  for (const DdlError& error : ParseDdl("t.cql", text).errors) all += error.ToString() + "\n";
  return all;
}

TEST(Ddl, ReadsAWholeScript) {
  const DdlScript script = ParseDdl("tables.cql", R"(
    -- the users
    CREATE KEYSPACE IF NOT EXISTS Users
      WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}
      AND durable_writes = true;
    USE users; // from here on
    CREATE TYPE address (street text, zip int);
    /* by country,
       newest first */
    CREATE TABLE by_country (
      country text, registered timestamp, id uuid,
      "fullName" text, home frozen<address>, tags set<text>, note text STATIC,
      PRIMARY KEY ((country), registered, id)
    ) WITH CLUSTERING ORDER BY (registered DESC, id ASC) AND comment = 'who''s where'
      AND default_time_to_live = 3600 AND compaction = {'class': 'LeveledCompactionStrategy'};
  )");
  ASSERT_TRUE(script.errors.empty()) << script.errors[0].ToString();
  ASSERT_EQ(script.statements.size(), 3u);
  EXPECT_TRUE(script.statements[0].if_not_exists);
  EXPECT_EQ(std::get<store::Keyspace>(script.statements[0].what).name, "users");
  const auto& table = std::get<TableSchema>(script.statements[2].what);
  EXPECT_EQ(table.FullName(), "users.by_country");
  EXPECT_EQ(table.partition_count(), 1u);
  EXPECT_EQ(table.clustering_count(), 2u);
  EXPECT_TRUE(table.columns[1].descending);
  EXPECT_FALSE(table.columns[2].descending);
  EXPECT_EQ(table.columns[3].name, "fullName");
  EXPECT_EQ(table.columns[4].type.ToString(), "frozen<address>");
  EXPECT_EQ(table.columns[6].kind, ColumnKind::kStatic);
  EXPECT_EQ(table.comment, "who's where");
  EXPECT_EQ(table.default_time_to_live_s, 3600);
  EXPECT_EQ(script.statements[2].place.line, 10);
  EXPECT_EQ(script.statements[2].place.column, 5);
}

TEST(Ddl, KeyColumnsComeInKeyOrder) {
  const TableSchema table =
      TableOf("CREATE TABLE k.t (a int, b int, c int, d int, PRIMARY KEY ((c, a), d))");
  EXPECT_EQ(table.columns[0].name, "c");
  EXPECT_EQ(table.columns[1].name, "a");
  EXPECT_EQ(table.columns[2].name, "d");
  EXPECT_EQ(table.columns[3].name, "b");
  EXPECT_EQ(table.partition_count(), 2u);
}

TEST(Ddl, InlineKeyAndEveryScalarType) {
  for (std::string_view name : {"ascii", "text", "varchar", "tinyint", "smallint", "int", "bigint",
                                "varint", "boolean", "float", "double", "decimal", "uuid",
                                "timeuuid", "timestamp", "date", "time", "blob", "inet"}) {
    const TableSchema table =
        TableOf(fmt::format("create table k.t (a {} primary key, b {});", name, name));
    CqlType expected;
    ASSERT_TRUE(store::ScalarKindOf(name, expected.kind));
    EXPECT_EQ(table.columns[0].type, expected);
    EXPECT_EQ(table.columns[0].kind, ColumnKind::kPartitionKey);
  }
}

TEST(Ddl, FrozenReachesInside) {
  const TableSchema table = TableOf(
      "CREATE TABLE k.t (a int PRIMARY KEY, b frozen<map<text, list<int>>>, c tuple<int, text>)");
  EXPECT_EQ(table.columns[1].type.ToString(), "frozen<map<text, frozen<list<int>>>>");
  EXPECT_EQ(table.columns[2].type.ToString(), "tuple<int, text>");
  EXPECT_TRUE(table.columns[2].type.frozen);
}

TEST(Ddl, PrintedTablesReadBackEqual) {
  const TableSchema table = TableOf(
      "CREATE TABLE \"K s\".\"T\"\"t\" (a int, \"B\" text, c map<text, frozen<set<int>>>, s int "
      "static, "
      "PRIMARY KEY (a, \"B\")) WITH CLUSTERING ORDER BY (\"B\" DESC) AND gc_grace_seconds = 5");
  EXPECT_EQ(TableOf(table.ToCql()), table);
}

struct ErrorCase {
  std::string_view text;
  std::string_view errors;
};

class DdlErrors : public testing::TestWithParam<ErrorCase> {};

TEST_P(DdlErrors, SayWhereWhyAndWhatInstead) {
  EXPECT_EQ(ErrorsOf(GetParam().text), GetParam().errors);
}

INSTANTIATE_TEST_SUITE_P(
    All, DdlErrors,
    testing::Values(
        ErrorCase{"CREATE TABLE k.t (a itn PRIMARY KEY)",
                  "t.cql:1:21: unknown type 'itn' (did you mean 'int'?)\n"},
        ErrorCase{"CRAETE TABLE k.t (a int PRIMARY KEY)",
                  "t.cql:1:1: expected CREATE or USE, found 'craete' (did you mean 'create'?)\n"},
        ErrorCase{
            "CREATE TABEL k.t (a int PRIMARY KEY)",
            "t.cql:1:8: expected KEYSPACE, TABLE or TYPE, found 'tabel' (did you mean 'table'?)\n"},
        ErrorCase{"CREATE TABLE k.t (country text, PRIMARY KEY (contry))",
                  "t.cql:1:46: key column 'contry' is no column of the table (did you mean "
                  "'country'?)\n"},
        ErrorCase{"CREATE TABLE t (a int PRIMARY KEY)",
                  "t.cql:1:14: a table 't' has no keyspace (write keyspace.t, or USE a keyspace "
                  "before)\n"},
        ErrorCase{"CREATE TABLE k.t (a int)",
                  "t.cql:1:16: table 't' has no primary key (add PRIMARY KEY (column) behind the "
                  "columns)\n"},
        ErrorCase{"CREATE TABLE k.t (a int PRIMARY KEY) WITH comments = 'x'",
                  "t.cql:1:43: unknown table option 'comments' (did you mean 'comment'?)\n"},
        ErrorCase{
            "CREATE TABLE k.t (a int, b int, PRIMARY KEY (a, b)) WITH CLUSTERING ORDER BY (a DESC)",
            "t.cql:1:79: CLUSTERING ORDER BY names 'a' where clustering column 'b' comes (name the "
            "clustering "
            "columns in key order)\n"},
        ErrorCase{"CREATE TABLE k.t (a list<int> PRIMARY KEY)",
                  "t.cql:1:19: key column 'a' is list<int> (frozen<list<int>>)\n"},
        ErrorCase{"CREATE TABLE k.t (a int PRIMARY KEY, b counter)",
                  "t.cql:1:40: type 'counter' is not supported\n"},
        ErrorCase{"CREATE TABLE k.t (a int PRIMARY KEY, s int STATIC)",
                  "t.cql:1:38: column 's' is static in a table without clustering columns (leave "
                  "STATIC out)\n"},
        ErrorCase{"CREATE TABLE k.t (a int PRIMARY KEY",
                  "t.cql:1:36: expected ',' or ')', found the end of the text\n"},
        ErrorCase{"CREATE TABLE k.t (\xc3\xa4 int)",
                  "t.cql:1:19: expected a column, found the character '\xc3\xa4'\n"},
        ErrorCase{"/* never ends",
                  "t.cql:1:1: expected CREATE or USE, found a /* comment whose */ is missing\n"},
        ErrorCase{"CREATE INDEX ON k.t (a)",
                  "t.cql:1:8: CREATE index is not supported (a table of its own for each question "
                  "serves it "
                  "faster)\n"}));

TEST(Ddl, AllMistakesOfAScriptShowAtOnce) {
  EXPECT_EQ(ErrorsOf("CREATE TABLE k.a (x itn, y txt, PRIMARY KEY (z));\nCREATE TALBE k.b;\nCREATE "
                     "TABLE k.c (x int PRIMARY KEY);"),
            "t.cql:1:21: unknown type 'itn' (did you mean 'int'?)\n"
            "t.cql:1:28: unknown type 'txt' (did you mean 'text'?)\n"
            "t.cql:1:46: key column 'z' is no column of the table (did you mean 'x'?)\n"
            "t.cql:2:8: expected KEYSPACE, TABLE or TYPE, found 'talbe' (did you mean 'table'?)\n");
}

TEST(Ddl, TypesAreThoseOfTheTablesKeyspace) {
  EXPECT_EQ(
      ErrorsOf("CREATE TYPE one.t (a int); CREATE TABLE two.x (a int PRIMARY KEY, b frozen<t>)"),
      "t.cql:1:76: unknown type 't'\n");
  EXPECT_EQ(
      ErrorsOf("CREATE TYPE one.t (a int); CREATE TABLE one.x (a int PRIMARY KEY, b frozen<t>)"),
      "");
}

TEST(Ddl, DeepNestingAndManyErrorsStayBounded) {
  std::string deep = "CREATE TABLE k.t (a int PRIMARY KEY, b ";
  for (int i = 0; i < 100000; ++i) deep += "frozen<list<";
  EXPECT_FALSE(ParseDdl("t.cql", deep).errors.empty());
  std::string many;
  for (int i = 0; i < 100000; ++i) many += "x;";
  EXPECT_EQ(ParseDdl("t.cql", many).errors.size(), 100u);
}

}  // namespace
}  // namespace millrace::cql
