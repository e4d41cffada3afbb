// What golden cases cannot say: bounds, positions in any script, hashes, facts, and that whatever
// is cut out of a right query is either bound or refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sql/lexer.h"
#include "sql/parser.h"
#include "sql/query_facts.h"
#include "sql/testing_catalog.h"

namespace millrace::sql {
namespace {

constexpr std::string_view kQuery =
    "WITH u AS (SELECT * FROM STREAM(users_raw) WHERE email LIKE '%@%') "
    "SELECT u.login.uuid AS id, upper(u.name.first) || '!' AS first, c.region, "
    "CASE WHEN u.dob.age >= 18 THEN 'adult' ELSE NULL END AS kind "
    "FROM u LEFT JOIN countries c ON c.name = u.location.country AND c.region <> 'x' "
    "WHERE u.dob.age BETWEEN 1 AND 120 AND u.phone IN ('1', '2')";

BoundQuery BindStream(std::string_view text) {
  BindOptions options;
  options.streaming = true;
  return BindQuery(text, TestingCatalog(), options);
}

std::string Repeated(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(BindTest, EveryPrefixOfAQueryBindsOrSaysWhy) {
  ASSERT_NE(BindStream(kQuery).plan, nullptr);
  for (size_t length = 0; length < kQuery.size(); ++length) {
    const BoundQuery bound = BindStream(kQuery.substr(0, length));
    EXPECT_NE(bound.plan == nullptr, bound.errors.empty()) << kQuery.substr(0, length);
  }
}

TEST(BindTest, AQueryWithoutAnyOfItsTokensBindsOrSaysWhy) {
  const LexedText lexed = Lex(kQuery);
  for (const Token& token : lexed.tokens) {
    std::string text(kQuery);
    text.erase(token.begin, token.end - token.begin);
    const BoundQuery bound = BindStream(text);
    EXPECT_NE(bound.plan == nullptr, bound.errors.empty()) << text;
    for (const Diagnostic& error : bound.errors) {
      EXPECT_GE(error.where.line, 1);
      EXPECT_LE(error.where.column, static_cast<int>(text.size()) + 1);
      EXPECT_FALSE(error.condition.empty());
    }
  }
}

TEST(BindTest, ColumnsCountCodePoints) {
  const ParsedExpression parsed = ParseExpression("concat('äö漢',\n 'é' +)");
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_EQ(parsed.errors[0].where, (Location{2, 7}));
}

TEST(BindTest, NestingIsBoundedButGenerous) {
  const auto nested = [](size_t levels) {
    return ParseExpression(Repeated("(", levels) + "1" + Repeated(")", levels)).errors;
  };
  EXPECT_TRUE(nested(kNestingMax - 1).empty());
  ASSERT_EQ(nested(kNestingMax + 1).size(), 1u);
  EXPECT_NE(nested(kNestingMax + 1)[0].message.find("levels of nesting"), std::string::npos);
  EXPECT_TRUE(ParseExpression("1" + Repeated(" + 1", kTreeDepthMax - 10)).errors.empty());
  EXPECT_FALSE(ParseExpression("1" + Repeated(" + 1", kTreeDepthMax + 10)).errors.empty());
  EXPECT_TRUE(ParseExpression("a" + Repeated(" AND a", 5000)).errors.empty());
}

TEST(BindTest, TextIsBounded) {
  const std::string large = "SELECT '" + Repeated("x", kTextBytesMax) + "'";
  ASSERT_FALSE(ParseQuery(large).errors.empty());
  EXPECT_FALSE(ParseQuery("SELECT 1" + Repeated(", 1", kTokensMax)).errors.empty());
}

// Aliases that double at each step would give an expression of 2^40 parts.
TEST(BindTest, RepeatedAliasesAreBounded) {
  std::string text = "SELECT id AS a0";
  for (int i = 1; i <= 40; ++i) text += fmt::format(", a{} + a{} AS a{}", i - 1, i - 1, i);
  const BoundQuery bound = BindStream(text + " FROM untimed");
  ASSERT_FALSE(bound.errors.empty());
  EXPECT_EQ(bound.errors[0].condition, "EXPRESSION_TOO_LARGE");
}

TEST(BindTest, RepeatedCommonTablesAreBounded) {
  std::string text = "WITH a0 AS (SELECT id FROM untimed)";
  for (int i = 1; i <= 30; ++i) {
    text +=
        fmt::format(", a{} AS (SELECT id FROM a{} UNION ALL SELECT id FROM a{})", i, i - 1, i - 1);
  }
  const BoundQuery bound = BindStream(text + " SELECT * FROM a30");
  ASSERT_EQ(bound.errors.size(), 1u);
  EXPECT_EQ(bound.errors[0].condition, "QUERY_TOO_LARGE");
}

TEST(BindTest, HashFollowsTheMeaningNotTheText) {
  const auto hash = [](std::string_view text) {
    const BoundQuery bound = BindStream(text);
    return bound.plan ? HashOf(*bound.plan) : 0;
  };
  const uint64_t one = hash("SELECT id, upper(text) AS t FROM untimed WHERE id > 1");
  ASSERT_NE(one, 0u);
  EXPECT_EQ(one, hash("select  u.id, UPPER(u.text) t\nfrom stream(untimed) u -- same\nwhere id>1"));
  EXPECT_NE(one, hash("SELECT id, upper(text) AS t FROM untimed WHERE id > 2"));
  EXPECT_NE(one, hash("SELECT id, upper(text) AS other FROM untimed WHERE id > 1"));
  EXPECT_NE(one, hash("SELECT id, lower(text) AS t FROM untimed WHERE id > 1"));
  const uint64_t minutes = hash("SELECT count(*) FROM clicks GROUP BY window(at, '1 minute')");
  EXPECT_EQ(minutes, hash("SELECT count(1) FROM clicks GROUP BY window(at, '60 seconds')"));
  EXPECT_NE(minutes, hash("SELECT count(*) FROM clicks GROUP BY window(at, '2 minutes')"));
}

TEST(BindTest, FactsSayWhatIsRead) {
  const BoundQuery bound = BindStream(
      "SELECT window.start AS minute, c.region AS region, count(*) AS n FROM STREAM(users_raw) u "
      "LEFT JOIN countries c ON c.name = u.location.country "
      "GROUP BY window(u.registered.date, '1 minute'), c.region");
  ASSERT_NE(bound.plan, nullptr);
  const QueryFacts facts = FactsOf(*bound.plan);
  EXPECT_EQ(facts.output.ToString(), "minute timestamp, region string, n bigint");
  ASSERT_EQ(facts.sources.size(), 1u);
  EXPECT_EQ(facts.sources[0].name, "users_raw");
  EXPECT_EQ(facts.sources[0].columns.ToString(),
            "location struct<country:string>, registered struct<date:timestamp>");
  EXPECT_EQ(facts.sources[0].event_time, "#1.date");
  ASSERT_EQ(facts.lookups.size(), 1u);
  EXPECT_EQ(facts.lookups[0].key, std::vector<std::string>{"name"});
  EXPECT_TRUE(facts.windowed);
  EXPECT_EQ(facts.window_size_us, 60'000'000);
}

TEST(BindTest, NearestNameSuggestsOnlyWhatIsNear) {
  const std::vector<std::string> names = {"users_raw", "clicks", "countries"};
  EXPECT_EQ(NearestName("user_raw", names), "users_raw");
  EXPECT_EQ(NearestName("CLICSK", names), "clicks");
  EXPECT_EQ(NearestName("orders", names), "");
  EXPECT_EQ(NearestName("", names), "");
}

}  // namespace
}  // namespace millrace::sql
