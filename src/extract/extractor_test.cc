#include "extract/extractor.h"

#include <gtest/gtest.h>

#include "extract/harness.h"

namespace millrace::extract {
namespace {

using io::HttpRequest;
using io::HttpResponse;

std::string PageOf(int64_t from, int64_t count, std::string_view more = "") {
  std::string body = R"({"results":[)";
  for (int64_t i = 0; i < count; ++i)
    body += fmt::format(R"({}{{"id":"u{}", "n":{}}})", i > 0 ? "," : "", from + i, from + i);
  return body + fmt::format("]{}}}", more);
}

int64_t NumberOf(const HttpRequest& request, std::string_view name, int64_t fallback) {
  const auto text = request.Parameter(name);
  return text ? std::stoll(*text) : fallback;
}

// Pages of 10 records, `pages` of them.
io::HttpHandler Paged(int64_t pages) {
  return [pages](const HttpRequest& request) {
    const int64_t page = NumberOf(request, "page", 1);
    return HttpResponse{.body = PageOf((page - 1) * 10, page <= pages ? 10 : 0)};
  };
}

void ExpectInOrder(Harness& harness, int64_t count) {
  const auto values = harness.Values();
  ASSERT_EQ(values.size(), static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    EXPECT_EQ(values[static_cast<size_t>(i)], fmt::format(R"({{"id":"u{}", "n":{}}})", i, i));
}

TEST(Extract, PagesUntilAnEmptyOneInOneTransaction) {
  LocalApi api(Paged(4));
  Harness harness;
  auto spec = Harness::LocalSpec(api.Url());
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page"};
  const auto report = harness.Run(spec);
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->pages, 5);
  EXPECT_EQ(report->records, 40);
  EXPECT_EQ(report->requests, 5);
  EXPECT_EQ(harness.topics.commits(), 1);
  ExpectInOrder(harness, 40);
  const auto records = harness.topics.Records("users");
  EXPECT_EQ(records[7].key, "u7");
  EXPECT_EQ(records[12].headers[0],
            (flow::Header{"millrace.request", "users/fetch/scheduled__0/1/2"}));
}

TEST(Extract, EachKindOfPaginationReadsEveryRecordOnce) {
  const auto respond = [](const HttpRequest& request) {
    const int64_t at = NumberOf(request, "offset", NumberOf(request, "after", 0));
    HttpResponse response{.body = PageOf(at, std::min<int64_t>(10, 35 - at))};
    if (at + 10 >= 35) return response;
    response.headers.push_back(
        {"Link",
         fmt::format("</api?offset=0>; rel=\"first\", <?offset={}>; rel=\"next\"", at + 10)});
    response.headers.push_back({"X-Next", std::to_string(at + 10)});
    response.body = PageOf(
        at, 10, fmt::format(R"(,"next":"/api?offset={0}","after":{0},"more":true)", at + 10));
    return response;
  };
  const std::vector<PaginateSpec> kinds = {
      {.kind = PageKind::kOffset, .parameter = "offset", .start = 0, .page_size = 10},
      {.kind = PageKind::kOffset,
       .parameter = "offset",
       .start = 0,
       .step = 10,
       .more_path = "$.more"},
      {.kind = PageKind::kNextUrl, .path = "$.next"},
      {.kind = PageKind::kLink},
      {.kind = PageKind::kCursor, .parameter = "after", .path = "$.after"},
      {.kind = PageKind::kCursor, .parameter = "after", .header = "x-next"},
  };
  for (const PaginateSpec& paginate : kinds) {
    LocalApi api(respond);
    Harness harness;
    auto spec = Harness::LocalSpec(api.Url());
    spec.paginate = paginate;
    const auto report = harness.Run(spec);
    ASSERT_TRUE(report) << static_cast<int>(paginate.kind) << ": " << report.error().ToString();
    EXPECT_EQ(report->pages, 4) << static_cast<int>(paginate.kind);
    ExpectInOrder(harness, 35);
  }
}

TEST(Extract, SendsWhatTheSpecSays) {
  HttpRequest seen;
  LocalApi api([&](const HttpRequest& request) {
    seen = request;
    return HttpResponse{.body = PageOf(0, 1)};
  });
  Harness harness;
  auto spec = Harness::LocalSpec(api.Url("/v1/{{ run_id }}/x"));
  spec.method = "POST";
  spec.headers = {{"X-Since", "{{ data_interval_start | date }}"}};
  spec.query = {{"q", "{{ params.name }}"}, {"at", "{{ logical_date | epoch_s }}"}};
  spec.body = R"({"name":"{{ params.name | json }}"})";
  auto context = harness.NextContext();
  context.run = "manual a/b";
  context.params = {{"name", "x&y\""}};
  context.try_number = 2;
  ASSERT_TRUE(harness.Run(spec, context));
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/manual%20a%2Fb/x?q=x%26y%22&at=1767225600");
  EXPECT_EQ(seen.body, R"({"name":"x&y\""})");
  EXPECT_EQ(*io::FindHeader(seen.headers, "X-Since"), "2026-01-01");
  EXPECT_EQ(*io::FindHeader(seen.headers, "X-Millrace-Dag"), "users");
  EXPECT_EQ(*io::FindHeader(seen.headers, "X-Millrace-Run"), "manual a/b");
  EXPECT_EQ(*io::FindHeader(seen.headers, "X-Millrace-Try"), "2");
  EXPECT_EQ(*io::FindHeader(seen.headers, "X-Millrace-Page"), "1");
  EXPECT_EQ(*io::FindHeader(seen.headers, "X-Millrace-Generation"), "1");
}

TEST(Extract, AGenerationCommitsOnce) {
  LocalApi api(Paged(2));
  Harness harness;
  auto spec = Harness::LocalSpec(api.Url());
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page"};
  auto context = harness.NextContext();
  ASSERT_TRUE(harness.Run(spec, context));
  const uint64_t requests = api.requests();
  context.try_number = 2;
  const auto again = harness.Run(spec, context);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already_committed);
  EXPECT_EQ(api.requests(), requests);
  EXPECT_EQ(harness.Values().size(), 20u);
  const auto tag =
      *harness.topics.LastCommitted(TransactionOwner("users", "fetch", context.logical_date));
  EXPECT_EQ(tag->sequence, 1);
  context.generation = Generation(2);
  ASSERT_TRUE(harness.Run(spec, context));
  EXPECT_EQ(harness.Values().size(), 40u);
}

// Serves the records after ?since in order, 10 a page, out of the first `available`.
io::HttpHandler Since(std::atomic<int64_t>& available, std::atomic<int64_t>& fail_from) {
  return [&](const HttpRequest& request) {
    const int64_t since = NumberOf(request, "since", -1);
    const int64_t from = since + 1 + 10 * (NumberOf(request, "page", 1) - 1);
    if (from >= fail_from) return HttpResponse{.status = 400, .body = "{}"};
    return HttpResponse{.body = PageOf(from, std::clamp<int64_t>(available - from, 0, 10))};
  };
}

HttpSourceSpec CursorSpecOf(const LocalApi& api) {
  auto spec = Harness::LocalSpec(api.Url());
  spec.query = {{"since", "{{ cursor }}"}};
  spec.cursor = {.path = "$.n", .initial = "-1", .ordered = true};
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page", .page_size = 10};
  return spec;
}

TEST(Extract, TheCursorMovesWithItsRecords) {
  std::atomic<int64_t> available = 25, fail_from = INT64_MAX;
  LocalApi api(Since(available, fail_from));
  Harness harness;
  const auto spec = CursorSpecOf(api);
  EXPECT_EQ(harness.Run(spec)->cursor, "24");
  available = 42;
  fail_from =
      35;  // the second run fails at its second page: nothing of it stays, nor does its cursor
  auto context = harness.NextContext();
  EXPECT_EQ(harness.Run(spec, context).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(harness.Values().size(), 25u);
  fail_from = INT64_MAX;
  context.try_number = 2;
  EXPECT_EQ(harness.Run(spec, context)->cursor, "41");
  ExpectInOrder(harness, 42);
  EXPECT_EQ(harness.Run(spec)->records, 0);
  EXPECT_EQ(harness.topics.Records(std::string(kCursorTopic)).size(), 2u);
}

TEST(Extract, PartsAreKeptWhenATryFailsAndNothingIsDoubled) {
  std::atomic<int64_t> available = 57, fail_from = 30;
  LocalApi api(Since(available, fail_from));
  Harness harness;
  auto spec = CursorSpecOf(api);
  spec.commit_every_pages = 2;
  auto context = harness.NextContext();
  EXPECT_FALSE(harness.Run(spec, context));
  EXPECT_EQ(harness.Values().size(), 20u);
  fail_from = INT64_MAX;
  context.try_number = 2;
  const auto report = harness.Run(spec, context);
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->records, 37);
  ExpectInOrder(harness, 57);
}

TEST(Extract, BackfillsNeitherReadNorMoveTheCursor) {
  std::atomic<int64_t> available = 25, fail_from = INT64_MAX;
  LocalApi api(Since(available, fail_from));
  Harness harness;
  const auto spec = CursorSpecOf(api);
  ASSERT_TRUE(harness.Run(spec));
  auto context = harness.NextContext();
  context.is_backfill = true;
  EXPECT_EQ(harness.Run(spec, context)->records, 25);
  available = 30;
  EXPECT_EQ(harness.Run(spec)->records, 5);
}

TEST(Extract, ACursorIsUsedByOneTryAtATime) {
  Harness harness;
  LocalApi api(Paged(1));
  auto lease = harness.cursors.Acquire("users/fetch");
  auto spec = CursorSpecOf(api);
  EXPECT_EQ(harness.Run(spec).error().code, ErrorCode::kUnavailable);
}

TEST(Extract, LimitsStopOrFailAndNeverSkipBehindACursor) {
  LocalApi api(Paged(100));
  auto spec = Harness::LocalSpec(api.Url());
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page"};
  spec.limits.pages = 3;
  spec.limits.on_limit = OnLimit::kStop;
  {
    Harness harness;
    const auto report = harness.Run(spec);
    EXPECT_TRUE(report->limit_reached);
    EXPECT_EQ(report->records, 30);
    EXPECT_EQ(report->requests, 3);
    EXPECT_EQ(report->warning,
              "stopped at limits (pages) after 3 pages and 30 records: the API has more, which "
              "this run has not read");
  }
  spec.limits.records = 15;  // within the second page, which was fetched and is kept whole
  EXPECT_EQ(Harness().Run(spec)->records, 20);
  for (const OnLimit on_limit : {OnLimit::kFail, OnLimit::kAuto}) {
    Harness harness;
    spec.limits.on_limit = on_limit;
    EXPECT_EQ(harness.Run(spec).error().code, ErrorCode::kResourceExhausted);
    EXPECT_TRUE(harness.Values().empty());
  }
  spec.limits = {.bytes = 500};
  EXPECT_EQ(Harness().Run(spec).error().code, ErrorCode::kResourceExhausted);
  spec.limits = {.pages = 2};
  spec.query = {{"since", "{{ cursor }}"}};
  spec.cursor = {.path = "$.n", .initial = "0", .ordered = false};
  EXPECT_EQ(Harness().Run(spec).error().code, ErrorCode::kResourceExhausted);
}

// What ends at the limit by itself was read whole: no reason to fail or to warn.
TEST(Extract, AnEndAtTheLimitIsNoLimitReached) {
  std::atomic<int64_t> available = 30, fail_from = INT64_MAX;
  LocalApi api(Since(available, fail_from));
  auto spec = CursorSpecOf(api);
  spec.limits = {.pages = 4, .records = 30, .on_limit = OnLimit::kFail};
  const auto report = Harness().Run(spec);
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->records, 30);
}

// An API without an end: the project says how much of it is wanted.
TEST(Extract, WantedPagesAreTheEnd) {
  LocalApi api(Paged(100));
  auto spec = Harness::LocalSpec(api.Url());
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page", .pages = 3};
  Harness harness;
  const auto report = harness.Run(spec);
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->records, 30);
  EXPECT_EQ(report->requests, 3);
  EXPECT_FALSE(report->limit_reached);
  spec.query = {{"since", "{{ cursor }}"}};
  spec.cursor = {.path = "$.n", .initial = "0", .ordered = false};
  EXPECT_EQ(harness.Run(spec).error().code, ErrorCode::kInvalidArgument);
}

TEST(Extract, AnOrderedCursorGoesOnBehindTheLimit) {
  std::atomic<int64_t> available = 57, fail_from = INT64_MAX;
  LocalApi api(Since(available, fail_from));
  Harness harness;
  auto spec = CursorSpecOf(api);
  spec.limits.pages = 3;
  const auto first = harness.Run(spec);
  ASSERT_TRUE(first) << first.error().ToString();
  EXPECT_TRUE(first->limit_reached);
  EXPECT_NE(first->warning.find("the next run goes on from the cursor"), std::string::npos);
  const auto second = harness.Run(spec);
  EXPECT_FALSE(second->limit_reached);
  EXPECT_EQ(second->warning, "");
  ExpectInOrder(harness, 57);
}

TEST(Extract, AsksConditionallyAndTakesNotModified) {
  std::vector<std::string> asked;
  std::string version = "\"v1\"";
  LocalApi api([&](const HttpRequest& request) {
    const std::string* tag = io::FindHeader(request.headers, "If-None-Match");
    asked.push_back(tag != nullptr ? *tag : "");
    if (tag != nullptr && *tag == version) return HttpResponse{.status = 304};
    return HttpResponse{.headers = {{"ETag", version}}, .body = PageOf(0, 3)};
  });
  Harness harness;
  auto spec = Harness::LocalSpec(api.Url());
  EXPECT_EQ(harness.Run(spec)->records, 3);
  const auto second = harness.Run(spec);
  EXPECT_TRUE(second->not_modified);
  EXPECT_EQ(second->records, 0);
  version = "\"v2\"";
  EXPECT_EQ(harness.Run(spec)->records, 3);
  spec.query = {{"other", "1"}};  // another address: the validators are not its
  EXPECT_EQ(harness.Run(spec)->records, 3);
  EXPECT_EQ(asked, (std::vector<std::string>{"", "\"v1\"", "\"v1\"", ""}));
}

TEST(Extract, WaitsOutAFullDisk) {
  LocalApi api(Paged(1));
  Harness harness;
  auto spec = Harness::LocalSpec(api.Url());
  harness.topics.RefuseAppends(1);
  EXPECT_EQ(harness.Run(spec)->records, 10);
  EXPECT_NE(harness.log().find("waiting: disk budget reached"), std::string::npos);
}

TEST(Extract, ANewerTryFencesAnOlderOne) {
  Harness harness;
  auto context = harness.NextContext();
  LocalApi api([&](const HttpRequest&) {
    // The scheduler gave the try up and began another while this one was still fetching.
    (void)harness.topics.Begin(TransactionOwner("users", "fetch", context.logical_date));
    return HttpResponse{.body = PageOf(0, 3)};
  });
  EXPECT_EQ(harness.Run(Harness::LocalSpec(api.Url()), context).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(harness.Values().empty());
}

TEST(Extract, CancelEndsASlowRequestAtOnce) {
  LocalApi api([&](const HttpRequest&) {
    return HttpResponse{.stream = [](io::ResponseStream& out) {
      for (int i = 0; i < 300 && !out.closed(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }};
  });
  Harness harness;
  CancelToken cancel;
  auto context = harness.NextContext();
  context.cancel = &cancel;
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancel.Cancel();
  });
  const int64_t begin_ns = io::SystemClock().MonotonicNs();
  EXPECT_EQ(harness.Run(Harness::LocalSpec(api.Url()), context).error().code,
            ErrorCode::kCancelled);
  EXPECT_LT(io::SystemClock().MonotonicNs() - begin_ns, 1'500'000'000);
  canceller.join();
}

TEST(Extract, RecordsWithoutKeyAreKeptAndCounted) {
  LocalApi api([](const HttpRequest&) {
    return HttpResponse{.body = R"({"results":[{"id":"a"},{"n":1},7]})"};
  });
  Harness harness;
  const auto report = harness.Run(Harness::LocalSpec(api.Url()));
  EXPECT_EQ(report->records, 3);
  EXPECT_EQ(report->records_without_key, 2);
  EXPECT_EQ(harness.Values(), (std::vector<std::string>{R"({"id":"a"})", R"({"n":1})", "7"}));
}

}  // namespace
}  // namespace millrace::extract
