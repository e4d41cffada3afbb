// Walks the table of routes against a pipeline at work.
#include <algorithm>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "api/rest/documents.h"
#include "api/rest/route.h"
#include "api/rest/testing_pipeline.h"
#include "io/file_system.h"
#include "schedule/civil.h"

namespace millrace::api::rest {
namespace {

using data::JsonValue;

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string Violations(const JsonValue& value, std::string_view type) {
  std::string text;
  for (const Violation& violation : CheckType(value, type))
    text += violation.place + " " + violation.detail + "\n";
  return text;
}

// One pipeline for all tests: none depends on what another leaves behind.
class RoutesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pipeline_ = new TestingPipeline;
    pipeline_->Append({{"a", R"({"id":"a","n":1})", {{"source", "test"}}},
                       {"b", R"({"id":"b","n":2})", {}},
                       {"c", R"({"id":"c","n":5000})", {}},
                       {std::string("\xff\x00", 2), R"({"id":)", {}},
                       {std::nullopt, R"({"id":"<b>é</b>","n":3})", {}},
                       {"tombstone", std::nullopt, {}}});
    EXPECT_EQ(pipeline_->Write("POST", "/dags/d/runs", R"({"run":"first"})").status, 201);
    EXPECT_TRUE(
        pipeline_->runner().scheduler()->WaitForRun("d", "first", std::chrono::seconds(30)));
    EXPECT_EQ(pipeline_->Write("POST", "/dags/slow/runs", R"({"run":"long"})").status, 201);
  }
  static void TearDownTestSuite() {
    delete pipeline_;
    pipeline_ = nullptr;
  }

  static std::string Range() {
    const int64_t now = io::SystemClock().Now().value;
    return fmt::format(R"("from":"{}","to":"{}")",
                       schedule::FormatUtc(TimestampUs(now - int64_t{5} * 3600 * 1000000)),
                       schedule::FormatUtc(TimestampUs(now)));
  }
  static std::string CountedRange(const std::string& dag) {
    const TestReply plan =
        pipeline_->Write("POST", "/dags/" + dag + "/backfills/plan", "{" + Range() + "}");
    return fmt::format(R"({{{},"run_count":{}}})", Range(), plan.Json().Find("run_count")->text);
  }
  // One that runs until it is cancelled.
  static std::string SlowBackfill() {
    static const std::string id = [] {
      const TestReply started =
          pipeline_->Write("POST", "/dags/slow/backfills", CountedRange("slow"));
      return started.Json().Find("backfill")->text;
    }();
    return id;
  }
  // What a route started has come to its end: lists stand still.
  static void AwaitQuiet() {
    for (int i = 0; i < 300; ++i) {
      const TestReply running = pipeline_->Get("/runs?dag=d&state=running");
      const TestReply queued = pipeline_->Get("/runs?dag=d&state=queued");
      const JsonValue backfills = pipeline_->Get("/dags/d/backfills").Json();
      if (running.Json().Find("total")->text == "0" && queued.Json().Find("total")->text == "0" &&
          data::ToJson(backfills).find(R"("state":"running")") == std::string::npos) {
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    FAIL() << "runs of d do not end";
  }

  static std::string PathOf(const Route& route) {
    std::string path(route.path);
    const bool letters = route.tag == "Dead letters";
    const bool slow = route.id == "cancelRun" || route.id == "cancelBackfill";
    path = Replaced(path, "{dag}", slow ? "slow" : "d");
    path = Replaced(path, "{run}", slow ? "long" : "first");
    path = Replaced(path, "{task}", "hello");
    path = Replaced(path, "{try}", "1");
    path = Replaced(path, "{topic}", letters ? "refused" : "raw");
    path = Replaced(path, "{query}", "double");
    path = Replaced(path, "{table}", "k.doubled");
    if (path.find("{backfill}") != std::string::npos)
      path = Replaced(path, "{backfill}", SlowBackfill());
    return path;
  }

  // A body that is right; nullopt: the table has a route this test does not know.
  static std::optional<std::string> BodyOf(const Route& route) {
    if (route.body.empty()) return route.method == "GET" ? "" : "{}";
    if (route.body == "DagChange") return R"({"paused":true})";
    if (route.body == "RunTrigger") return R"({"conf":{"pages":3}})";
    if (route.body == "RunClear") return R"({"tasks":["hello"],"only_failed":true})";
    if (route.body == "BackfillRange") return "{" + Range() + "}";
    if (route.body == "BackfillStart") return CountedRange("d");
    if (route.body == "SqlRequest")
      return R"({"sql":"SELECT id, n FROM k.doubled ORDER BY id","rows_max":1})";
    if (route.body == "LetterReplay") return "{}";
    return std::nullopt;
  }

  static TestingPipeline* pipeline_;
};
TestingPipeline* RoutesTest::pipeline_ = nullptr;

TEST_F(RoutesTest, EveryRouteAnswersInItsShape) {
  for (const Route& route : AllRoutes()) {
    if (route.media == "text/event-stream") continue;
    const auto body = BodyOf(route);
    ASSERT_TRUE(body) << "this test needs a body for " << route.id;
    const std::string path = PathOf(route);
    const TestReply reply = pipeline_->Write(std::string(route.method), path, *body);
    ASSERT_EQ(reply.status, route.status) << route.id << " " << reply.body;
    EXPECT_EQ(reply.Header("content-type"), route.media) << route.id;
    EXPECT_EQ(reply.Header("x-content-type-options"), "nosniff");
    if (route.media == "application/json") {
      EXPECT_EQ(Violations(reply.Json(), route.answer), "") << route.id << " " << reply.body;
      continue;
    }
    for (size_t at = 0; at < reply.body.size();) {
      const size_t end = reply.body.find('\n', at);
      const auto line = data::ParseJson(std::string_view(reply.body).substr(at, end - at));
      ASSERT_TRUE(line);
      EXPECT_EQ(Violations(*line, route.answer), "") << route.id;
      at = end + 1;
    }
  }
}

TEST_F(RoutesTest, EveryRouteRefusesWhatItsTableDoesNotHave) {
  for (const Route& route : AllRoutes()) {
    const std::string method(route.method);
    const std::string path = PathOf(route);
    const TestReply unknown = pipeline_->Write(method, path + "?nonsense=1", BodyOf(route).value());
    EXPECT_EQ(unknown.status, 400) << route.id;
    EXPECT_EQ(unknown.Header("content-type"), "application/problem+json");
    const JsonValue problem = unknown.Json();
    EXPECT_EQ(Violations(problem, "Problem"), "") << unknown.body;
    EXPECT_EQ(problem.Find("errors")->items[0].Find("name")->text, "nonsense");
    for (const Parameter& parameter : route.parameters) {
      if (parameter.type != "integer" || IsPathParameter(route, parameter.name)) continue;
      for (const std::string& wrong :
           {std::string("x"), std::string("1.5"), std::string(""),
            fmt::format("{}", parameter.least - 1), std::string("99999999999999999999")}) {
        const TestReply reply = pipeline_->Write(
            method, fmt::format("{}?{}={}", path, parameter.name, wrong), BodyOf(route).value());
        EXPECT_EQ(reply.status, 400) << route.id << " " << parameter.name << "=" << wrong;
        EXPECT_EQ(reply.Json().Find("errors")->items[0].Find("name")->text, parameter.name);
      }
    }
    if (route.method == "GET") continue;
    for (const std::string& wrong :
         {std::string("{"), std::string("[]"), std::string(), std::string(R"({"nonsense":1})")}) {
      if (wrong.empty() && route.body.empty()) continue;
      EXPECT_EQ(pipeline_->Write(method, path, wrong).status, 400) << route.id << wrong;
    }
  }
}

TEST_F(RoutesTest, PagesOfOneGiveEveryItemOnce) {
  pipeline_->Write("POST", "/dags/d/runs", R"({"run":"second"})");
  AwaitQuiet();
  for (const Route& route : AllRoutes()) {
    if (route.method != "GET" || route.media != "application/json") continue;
    bool pages = false;
    for (const Parameter& parameter : route.parameters) pages |= parameter.name == "cursor";
    if (!pages) continue;
    const std::string path = PathOf(route);
    const size_t whole = pipeline_->Get(path + "?limit=1000").Json().Find("items")->items.size();
    std::set<std::string> seen;
    std::string cursor;
    for (size_t i = 0; i <= whole + 5; ++i) {
      const std::string at = cursor.empty() ? "" : "&cursor=" + cursor;
      const TestReply reply = pipeline_->Get(path + "?limit=1" + at);
      ASSERT_EQ(reply.status, 200) << route.id << " " << reply.body;
      const JsonValue page = reply.Json();
      for (const JsonValue& item : page.Find("items")->items)
        EXPECT_TRUE(seen.insert(data::ToJson(item)).second) << route.id;
      cursor = page.Find("next_cursor")->text;
      if (cursor.empty()) break;
    }
    EXPECT_EQ(cursor, "") << route.id;
    EXPECT_EQ(seen.size(), whole) << route.id;
    EXPECT_EQ(pipeline_->Get(path + "?cursor=%21").status, 400) << route.id;
  }
}

TEST_F(RoutesTest, OnlyThisMachineAndNoOtherOrigin) {
  const auto status = [](const std::string& method, const std::string& path,
                         std::vector<io::HttpHeader> headers) {
    return pipeline_->Ask(method, path, method == "GET" ? "" : "{}", std::move(headers)).status;
  };
  const std::string own = pipeline_->doors().address();
  EXPECT_EQ(status("GET", "/api/v1/dags", {{"Host", "evil.example:80"}}), 403);
  EXPECT_EQ(status("GET", "/metrics", {{"Host", "127.0.0.1.evil.example"}}), 403);
  EXPECT_EQ(status("GET", "/api/v1/dags", {{"Host", "localhost:9999"}}), 200);
  EXPECT_EQ(status("GET", "/api/v1/dags", {{"Host", "[::1]"}}), 200);
  const std::string write = "/api/v1/dags/d/runs/first/clear";
  EXPECT_EQ(status("POST", write, {{"Origin", "http://evil.example"}}), 403);
  EXPECT_EQ(status("POST", write, {{"Origin", "null"}}), 403);
  EXPECT_EQ(status("POST", write, {{"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(status("POST", write, {{"Sec-Fetch-Site", "same-site"}}), 403);
  EXPECT_EQ(status("GET", "/api/v1/events", {{"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(status("POST", write, {{"Origin", "http://" + own}, {"Sec-Fetch-Site", "same-origin"}}),
            200);
  EXPECT_EQ(status("POST", write, {{"Content-Type", "text/plain"}}), 415);
  EXPECT_EQ(status("POST", write, {{"Content-Type", "application/x-www-form-urlencoded"}}), 415);
  EXPECT_EQ(status("POST", write, {{"Content-Type", "application/json; charset=utf-8"}}), 200);
}

TEST_F(RoutesTest, UnknownPathsAndMethods) {
  EXPECT_EQ(pipeline_->Get("/nothing").status, 404);
  EXPECT_EQ(pipeline_->Get("").status, 404);
  EXPECT_EQ(pipeline_->Get("/topics/../../etc/passwd").status, 404);
  EXPECT_EQ(pipeline_->Get("/topics/..%2F..%2Fetc%2Fpasswd").status, 404);
  EXPECT_EQ(pipeline_->Get("/topics/%00").status, 404);
  EXPECT_EQ(pipeline_->Get("/topics/%ff").status, 400);
  EXPECT_EQ(pipeline_->Get("/dags/none").status, 404);
  EXPECT_EQ(pipeline_->Get("/tables/nodot").status, 400);
  const TestReply wrong = pipeline_->Write("DELETE", "/dags/d", "{}");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.Header("allow"), "GET, PATCH");
}

TEST_F(RoutesTest, MessagesAreSoughtAndFilteredHere) {
  const auto items = [](const std::string& parameters) {
    const TestReply reply = pipeline_->Get("/topics/raw/messages?" + parameters);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.Json().Find("items")->items;
  };
  const auto one = items("partition=0&offset=0&limit=1");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].Find("value")->text, R"({"id":"a","n":1})");
  EXPECT_EQ(one[0].Find("value_encoding")->text, "json");
  EXPECT_EQ(one[0].Find("headers")->items[0].Find("value")->text, "test");
  const auto keyed = items("key=b");
  ASSERT_EQ(keyed.size(), 1u);
  EXPECT_EQ(keyed[0].Find("partition")->text, "1");
  EXPECT_EQ(items("contains=%22b%22").size(), 1u);
  EXPECT_EQ(items("contains=%3Cb%3E").size(), 1u);
  EXPECT_EQ(items("time=2000-01-01").size(), items("").size());
  EXPECT_EQ(items("time=9999-01-01").size(), 0u);
  EXPECT_EQ(items("last=2").size(), 2u);
  bool binary = false;
  bool tombstone = false;
  for (const JsonValue& item : items("")) {
    binary |= item.Find("key_encoding")->text == "base64" && item.Find("key")->text == "/wA=";
    tombstone |= item.Find("value")->kind == JsonValue::Kind::kNull;
  }
  EXPECT_TRUE(binary);
  EXPECT_TRUE(tombstone);
  const JsonValue budget = pipeline_->Get("/topics/raw/messages?contains=zzz&scan_max=2").Json();
  EXPECT_EQ(budget.Find("scanned")->text, "2");
  EXPECT_NE(budget.Find("next_cursor")->text, "");
  EXPECT_EQ(pipeline_->Get("/topics/raw/messages?offset=1&time=2000-01-01").status, 400);
  EXPECT_EQ(pipeline_->Get("/topics/raw/messages?partition=9").status, 404);
}

TEST_F(RoutesTest, SelectIsBoundedAndToldWhatIsWrong) {
  const auto ask = [](const std::string& body) { return pipeline_->Write("POST", "/sql", body); };
  const JsonValue cut = ask(R"({"sql":"SELECT id FROM k.doubled","rows_max":1})").Json();
  EXPECT_EQ(cut.Find("rows")->items.size(), 1u);
  EXPECT_EQ(cut.Find("truncated")->text, "true");
  const JsonValue whole = ask(R"({"sql":"SELECT n FROM k.doubled WHERE id = 'b'"})").Json();
  EXPECT_EQ(data::ToJson(*whole.Find("rows")), R"([{"n":4}])");
  EXPECT_EQ(whole.Find("truncated")->text, "false");
  EXPECT_EQ(ask(R"({"sql":"SELECT nothing FROM k.doubled"})").status, 400);
  EXPECT_EQ(ask(R"({"sql":"DROP TABLE k.doubled"})").status, 400);
  const JsonValue plan = ask(R"({"sql":"SELECT 1 AS x","explain":true})").Json();
  EXPECT_EQ(plan.Find("rows")->items.size(), 0u);
  EXPECT_NE(plan.Find("plan")->text, "");
}

TEST_F(RoutesTest, BackfillStartsOnlyWhatWasCounted) {
  const TestReply other =
      pipeline_->Write("POST", "/dags/slow/backfills", "{" + Range() + R"(,"run_count":77})");
  EXPECT_EQ(other.status, 409) << other.body;
}

TEST_F(RoutesTest, EventsComeAndEndWithThePipeline) {
  const std::string bytes =
      pipeline_->Listen("/api/v1/events?interval_ms=200", "id: 2\nevent: live\n");
  const size_t at = bytes.find("data: ");
  ASSERT_NE(at, std::string::npos);
  const std::string data = bytes.substr(at + 6, bytes.find('\n', at) - at - 6);
  const auto live = data::ParseJson(data);
  ASSERT_TRUE(live) << data;
  EXPECT_EQ(Violations(*live, "Live"), "");
}

TEST(RoutesShutdown, OpenStreamsDoNotHoldUpTheEnd) {
  auto pipeline = std::make_unique<TestingPipeline>();
  std::thread listener([&] { pipeline->Listen("/api/v1/events?interval_ms=60000", "id: 99\n"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto begun = std::chrono::steady_clock::now();
  pipeline->doors().SetRunner(nullptr);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  listener.join();
  EXPECT_EQ(pipeline->Get("/dags").status, 503);
}

TEST(RoutesTable, IsConsistent) {
  std::set<std::string_view> ids;
  std::set<std::string> places;
  for (const Route& route : AllRoutes()) {
    EXPECT_TRUE(ids.insert(route.id).second) << route.id;
    EXPECT_TRUE(places.insert(fmt::format("{} {}", route.method, route.path)).second) << route.id;
    if (!route.body.empty()) {
      EXPECT_NE(FindShape(route.body), nullptr) << route.body;
    }
    size_t in_path = 0;
    for (const Parameter& parameter : route.parameters)
      in_path += IsPathParameter(route, parameter.name) ? 1 : 0;
    EXPECT_EQ(static_cast<size_t>(std::ranges::count(route.path, '{')), in_path) << route.id;
    EXPECT_EQ(route.method == "GET" || route.tag == "Tables" || route.id == "planBackfill",
              route.role == Role::kViewer)
        << route.id;
  }
  for (const Shape& shape : AllShapes()) {
    for (const Member& member : shape.members) {
      std::string_view type = member.type;
      while (type.starts_with("?") || type.starts_with("[]") || type.starts_with("{}"))
        type.remove_prefix(type.starts_with("?") ? 1 : 2);
      const bool known = FindShape(type) != nullptr || IsChoice(type,
                                                                "string|integer|number|"
                                                                "boolean|time|any|object");
      EXPECT_TRUE(known) << shape.name << "." << member.name << ": " << member.type;
    }
  }
}

TEST(OpenApi, NamesEveryRouteOnce) {
  const auto document = data::ParseJson(OpenApiJson());
  ASSERT_TRUE(document);
  EXPECT_EQ(document->Find("openapi")->text, "3.1.0");
  size_t operations = 0;
  for (const auto& [path, item] : document->Find("paths")->members)
    operations += item.members.size();
  EXPECT_EQ(operations, AllRoutes().size());
}

TEST(ApiReference, IsThePageInTheDocs) {
  const auto page =
      io::ReadWholeFile(io::PosixFileSystem(), MILLRACE_SOURCE_DIR "/docs/reference/api.md");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE(*page == ApiReference()) << "run: millrace schema --api > docs/reference/api.md";
}

}  // namespace
}  // namespace millrace::api::rest
