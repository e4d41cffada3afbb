#include "data/json_select.h"

#include <gtest/gtest.h>

namespace millrace::data {
namespace {

struct Selected {
  std::string raw;
  std::vector<std::optional<std::string>> values;
};

Result<std::vector<Selected>> Select(std::string body, std::string_view records,
                                     const std::vector<std::string>& paths = {}) {
  JsonPage page;
  std::vector<JsonPath> parsed;
  for (const auto& path : paths) parsed.push_back(JsonPath::Parse(path).value());
  MR_TRY(page.Load(body));
  std::vector<Selected> selected;
  MR_ASSIGN(const JsonPath at, JsonPath::Parse(records));
  MR_TRY(page.VisitRecords(at, parsed, [&](const JsonRecord& record) -> Status {
    Selected one{std::string(record.raw), {}};
    for (const auto& value : record.values)
      one.values.push_back(value ? std::optional(value->text) : std::nullopt);
    selected.push_back(std::move(one));
    return {};
  }));
  return selected;
}

std::string PathError(std::string_view text) {
  auto path = JsonPath::Parse(text);
  return path ? "no error" : path.error().message;
}

TEST(JsonPath, ReadsAndPrints) {
  EXPECT_EQ(JsonPath::Parse("$")->ToString(), "$");
  EXPECT_EQ(JsonPath::Parse("$.a.b[3]['c d'][*]")->ToString(), "$['a']['b'][3]['c d'][*]");
  EXPECT_TRUE(JsonPath::Parse("$[*]")->all_elements());
  EXPECT_EQ(JsonPath::Parse("$[\"x\"]")->steps()[0].name, "x");
}

TEST(JsonPath, ErrorsNameTheColumn) {
  EXPECT_NE(PathError("results").find("column 1:"), std::string::npos);
  EXPECT_NE(PathError("$.").find("column 3:"), std::string::npos);
  EXPECT_NE(PathError("$..a").find("column 3:"), std::string::npos);
  EXPECT_NE(PathError("$.a[*].b").find("column 7: '[*]' is only"), std::string::npos);
  EXPECT_NE(PathError("$.a[-1]").find("column 4:"), std::string::npos);
  EXPECT_NE(PathError("$.a['b").find("column 4:"), std::string::npos);
  EXPECT_NE(PathError("$[99999999999999999999]").find("column 2:"), std::string::npos);
  EXPECT_NE(PathError("").find("column 1:"), std::string::npos);
}

TEST(JsonPage, KeepsEachRecordsBytesAsServed) {
  const auto records = Select(
      "{\"info\":{\"n\":1},\"results\": [ {\"a\" : 1.50,\n \"b\":\"\\u00e9\"} , {\"a\":2}\n]}",
      "$.results[*]");
  ASSERT_TRUE(records) << records.error().ToString();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[0].raw, "{\"a\" : 1.50,\n \"b\":\"\\u00e9\"}");
  EXPECT_EQ((*records)[1].raw, "{\"a\":2}");
}

TEST(JsonPage, ReadsValuesOfRecordsWhateverTheirPlace) {
  const auto records = Select(
      R"([{"z":{"id":"k\n1"},"at":7},{"at":true,"z":{"id":42}},{"z":{"id":null}},{"z":[1]},{},3,"s"])",
      "$[*]", {"$.z.id", "$.at", "$.z.id"});
  ASSERT_TRUE(records) << records.error().ToString();
  ASSERT_EQ(records->size(), 7u);
  EXPECT_EQ((*records)[0].values, (std::vector<std::optional<std::string>>{"k\n1", "7", "k\n1"}));
  EXPECT_EQ((*records)[1].values, (std::vector<std::optional<std::string>>{"42", "true", "42"}));
  for (size_t i = 2; i < 7; ++i) EXPECT_EQ((*records)[i].values[0], std::nullopt) << i;
  EXPECT_EQ((*records)[2].raw, R"({"z":{"id":null}})");
  EXPECT_EQ((*records)[3].raw, R"({"z":[1]})");
  EXPECT_EQ((*records)[5].raw, "3");
  EXPECT_EQ((*records)[6].raw, "\"s\"");
}

TEST(JsonPage, ChoosesWhatARecordIs) {
  EXPECT_EQ(Select(R"({"a":[1,2,3]})", "$.a")->size(), 3u);
  EXPECT_EQ(Select(R"({"a":{"b":1}})", "$.a")->front().raw, R"({"b":1})");
  EXPECT_EQ(Select(R"({"a":1})", "$")->front().raw, R"({"a":1})");
  EXPECT_EQ(Select(R"({"a":null})", "$.a[*]")->size(), 0u);
  EXPECT_EQ(Select(R"({"a":[]})", "$.a[*]")->size(), 0u);
  EXPECT_EQ(Select(R"([[{"x":1}],[{"x":2},{"x":3}]])", "$[1][*]")->size(), 2u);
  EXPECT_EQ(Select(R"({"a":{"b":1}})", "$.a[*]").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Select(R"({"b":1})", "$.a[*]").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Select("17", "$").error().code, ErrorCode::kNotFound);
}

TEST(JsonPage, RefusesBrokenPages) {
  for (const char* body : {"", "{", "[1,2", R"({"a":[{"b":1},{"b":)", "{\"a\":[\"\xff\"]}",
                           R"({"a":[1 2]})", R"({"a":[{"b" 1}]})", "nul", "\"open"}) {
    const auto records = Select(body, "$.a[*]", {"$.b"});
    EXPECT_FALSE(records) << body;
  }
}

std::string LoadError(std::string body) {
  JsonPage page;
  const Status loaded = page.Load(body);
  return loaded ? "no error" : loaded.error().message;
}

// Records that stand before the damage must not make a page of it.
TEST(JsonPage, APageIsOneWholeDocument) {
  const std::string good = R"({"r":[{"b":1},{"b":2}],"next":"/p2","x":[1,2]})";
  EXPECT_EQ(LoadError(good), "no error");
  EXPECT_EQ(LoadError(good + " \r\n\t"), "no error");
  EXPECT_EQ(LoadError(R"({"r":[]} garbage)"),
            "the page goes on behind its JSON document, at byte 9");
  EXPECT_EQ(LoadError("{\"a\":1}\n{\"a\":2}\n"),
            "the page goes on behind its JSON document, at byte 8");
  EXPECT_EQ(LoadError("[1][2]"), "the page goes on behind its JSON document, at byte 3");
  EXPECT_EQ(LoadError(R"({"r":[{"b":1}],"x":[1,2)"),
            "the page breaks off after 23 bytes: it is not whole JSON");
  for (const char* middle : {"[1}", "{\"a\" 1}", "{\"a\":1,}", "[1,]", "[,1]", "{1:2}", "[1 2]",
                             "{\"a\":}", "[1:2]", "\"a\" \"b\"", "\"a\"b"}) {
    const std::string body = R"({"r":[{"b":1}],"x":)" + std::string(middle) + R"(,"y":[1,2]})";
    EXPECT_NE(LoadError(body).find("the page is not valid JSON, near byte "), std::string::npos)
        << body << ": " << LoadError(body);
  }
}

TEST(JsonPage, EveryCutOfAPageIsRefused) {
  const std::string good =
      R"({"r":[{"b":{"c":[true,null,-1.5e3]}},{"b":"\"}]"}],"next":"/p2","x":[[],{},[1,{"d":2}]]})";
  ASSERT_EQ(LoadError(good), "no error");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(LoadError(good.substr(0, size)), "no error") << good.substr(0, size);
}

// The record is refused where its columns are read; the others of its page are not held up.
TEST(JsonPage, AWrongLiteralIsItsRecordsAffair) {
  const auto records = Select(R"([{"a":NaN},{"a":tru},{"a":1.2.3},{"a":1}])", "$[*]");
  ASSERT_TRUE(records) << records.error().ToString();
  EXPECT_EQ(records->size(), 4u);
}

TEST(JsonPage, DeepNestingIsRefusedNotCrossed) {
  const std::string deep(1 << 20, '[');
  EXPECT_NE(LoadError(deep).find("nested too deeply"), std::string::npos) << LoadError(deep);
  const std::string fine = std::string(900, '[') + std::string(900, ']');
  EXPECT_EQ(LoadError(fine), "no error");
}

TEST(JsonPage, FindsSingleValuesInAnyOrder) {
  std::string body =
      R"({"results":[{"a":1}],"next":"https:\/\/x\/?p=2","more":false,"n":1e3,"o":{}})";
  JsonPage page;
  ASSERT_TRUE(page.Load(body));
  const auto find = [&](std::string_view path) { return *page.Find(*JsonPath::Parse(path)); };
  EXPECT_EQ(find("$.more"), (JsonScalar{JsonScalar::Kind::kBoolean, "false"}));
  EXPECT_EQ(find("$.next"), (JsonScalar{JsonScalar::Kind::kString, "https://x/?p=2"}));
  EXPECT_EQ(find("$.n"), (JsonScalar{JsonScalar::Kind::kNumber, "1e3"}));
  EXPECT_EQ(find("$.results[0].a")->text, "1");
  EXPECT_EQ(find("$.results[1].a"), std::nullopt);
  EXPECT_EQ(find("$.o"), std::nullopt);
  EXPECT_EQ(find("$.o.p.q"), std::nullopt);
  EXPECT_EQ(Select(body, "$.results[*]")->size(), 1u);
}

// Reading the same long string again and again must not outgrow simdjson's own string buffer.
TEST(JsonPage, RereadsLongEscapedStrings) {
  std::string text(100000, 'x');
  text += "\\n";
  const std::string record = "{\"k\":\"" + text + "\"}";
  const auto records =
      Select("[" + record + "," + record + "]", "$[*]", std::vector<std::string>(20, "$.k"));
  ASSERT_TRUE(records);
  for (const auto& one : *records)
    for (const auto& value : one.values) EXPECT_EQ(value->size(), 100001u);
}

}  // namespace
}  // namespace millrace::data
