// What an API can do wrong, or to us, and what has to come of it. Nothing of a failed try may be
// readable.
#include <gtest/gtest.h>

#include "extract/harness.h"
#include "extract/raw_server.h"

namespace millrace::extract {
namespace {

using io::HttpRequest;
using io::HttpResponse;
using std::chrono::milliseconds;

constexpr std::string_view kGoodPage = R"({"results":[{"id":"a"},{"id":"b"}]})";

// gzip of 64 MiB of zeros would be 64 KiB; this is the head of such a stream: stored by deflate's
// run of zeros.
std::string GzipBomb() {
  // One gzip member whose deflate data is a dynamic block decoding to a run of zeros: 258 bytes a
  // bit pair.
  static constexpr unsigned char kHead[] = {0x1f, 0x8b, 8,    0,    0,    0,    0,   0, 0,
                                            3,    0xed, 0xc1, 0x01, 0x0d, 0,    0,   0, 0xc2,
                                            0xa0, 0xf7, 0x4f, 0x6d, 0x0e, 0x37, 0xa0};
  std::string bomb(reinterpret_cast<const char*>(kHead), sizeof(kHead));
  bomb.append(60000, '\0');
  return bomb;
}

struct Outcome {
  ErrorCode code;
  std::string message;
  size_t readable;
  int64_t elapsed_ms;
};

Outcome TryOnce(const HttpSourceSpec& spec) {
  Harness harness;
  const int64_t begin_ns = io::SystemClock().MonotonicNs();
  const auto report = harness.Run(spec);
  const int64_t elapsed_ms = (io::SystemClock().MonotonicNs() - begin_ns) / 1'000'000;
  if (report) return {ErrorCode::kInternal, "it succeeded", harness.Values().size(), elapsed_ms};
  return {report.error().code, report.error().ToString(), harness.Values().size(), elapsed_ms};
}

void ExpectFailure(const HttpSourceSpec& spec, ErrorCode code, std::string_view part) {
  const Outcome outcome = TryOnce(spec);
  EXPECT_EQ(outcome.code, code) << outcome.message;
  EXPECT_NE(outcome.message.find(part), std::string::npos) << outcome.message;
  EXPECT_EQ(outcome.readable, 0u);
}

TEST(Hostile, SilenceEndsInTheFirstByteTimeout) {
  RawServer server([](RawServer::Connection& connection, int) {
    connection.ReadHead();
    connection.Sleep(milliseconds(5000));
  });
  auto spec = Harness::LocalSpec(server.Url());
  spec.timeouts.first_byte = milliseconds(60);
  spec.retry.attempts = 2;
  ExpectFailure(spec, ErrorCode::kTimeout, "first byte");
  EXPECT_EQ(server.connections(), 2);
}

TEST(Hostile, DrippingBodyEndsInTheTotalTimeout) {
  RawServer server([](RawServer::Connection& connection, int) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (connection.Write(" ") && connection.Sleep(milliseconds(10))) {
    }
  });
  auto spec = Harness::LocalSpec(server.Url());
  spec.timeouts.total = milliseconds(200);
  spec.retry.attempts = 1;
  ExpectFailure(spec, ErrorCode::kTimeout, "total");
}

// curl reports no connect time for a connection that was there already.
TEST(Hostile, DrippingBodyOnAKeptConnectionEndsInTheTotalTimeout) {
  RawServer server([](RawServer::Connection& connection, int) {
    connection.ReadHead();
    connection.WriteWhole(kGoodPage);
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (connection.Write(" ") && connection.Sleep(milliseconds(10))) {
    }
  });
  auto spec = Harness::LocalSpec(server.Url());
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page"};
  spec.timeouts.total = milliseconds(200);
  spec.retry.attempts = 1;
  ExpectFailure(spec, ErrorCode::kTimeout, "response not complete within 200 ms (total)");
  EXPECT_EQ(server.connections(), 1);
}

TEST(Hostile, StalledBodyEndsInTheIdleTimeout) {
  RawServer server([](RawServer::Connection& connection, int) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    connection.Sleep(milliseconds(5000));
  });
  auto spec = Harness::LocalSpec(server.Url());
  spec.timeouts.idle = milliseconds(60);
  spec.retry.attempts = 1;
  ExpectFailure(spec, ErrorCode::kTimeout, "no further byte");
}

TEST(Hostile, HugeBodyEndsAtTheLimitHoweverItIsFramed) {
  for (const bool announced : {true, false}) {
    std::atomic<uint64_t> sent = 0;
    RawServer server([&](RawServer::Connection& connection, int) {
      connection.ReadHead();
      connection.Write(announced ? "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
                                 : "HTTP/1.1 200 OK\r\n\r\n");
      const std::string piece(64 << 10, ' ');
      while (connection.Write(piece)) sent += piece.size();
    });
    auto spec = Harness::LocalSpec(server.Url());
    spec.limits.page_bytes = 1 << 20;
    ExpectFailure(spec, ErrorCode::kResourceExhausted, "above 1048576 bytes");
    EXPECT_LT(sent, 64u << 20);
    EXPECT_EQ(server.connections(), 1) << "a limit is not retried";
  }
}

TEST(Hostile, EndlessHeaderEndsAtTheLimit) {
  RawServer server([](RawServer::Connection& connection, int) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\n");
    while (connection.Write(
        "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")) {
    }
  });
  ExpectFailure(Harness::LocalSpec(server.Url()), ErrorCode::kResourceExhausted,
                "header above 65536 bytes");
}

TEST(Hostile, CompressionBombEndsAtTheRatio) {
  RawServer server([](RawServer::Connection& connection, int) {
    connection.ReadHead();
    connection.WriteWhole(GzipBomb(), "Content-Encoding: gzip\r\n");
  });
  auto spec = Harness::LocalSpec(server.Url());
  spec.limits.page_bytes = 1 << 30;
  ExpectFailure(spec, ErrorCode::kResourceExhausted, "more than 100 times its size");
}

TEST(Hostile, BrokenFramesAreRetriedAndThenFail) {
  const std::string answers[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"results\":[{\"id\":\"a\"}",  // truncated
      // bad chunk size
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\"",  // cut in a chunk
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",  // not gzip
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",                                                  // not HTTP
      "",                                                                             // cut
      "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"results\":[{\"id\":\"a\"},",   // not JSON
      // not UTF-8
      "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"results\":[{\"id\":\"\xe9\xe8\"}]}  ",
  };
  for (const std::string& answer : answers) {
    RawServer server([&](RawServer::Connection& connection, int) {
      connection.ReadHead();
      connection.Write(answer);
    });
    ExpectFailure(Harness::LocalSpec(server.Url()), ErrorCode::kUnavailable, "attempt 3 of 3");
    EXPECT_EQ(server.connections(), 3) << answer;
  }
}

TEST(Hostile, OneGoodAnswerAfterBadOnesIsEnough) {
  RawServer server([](RawServer::Connection& connection, int number) {
    connection.ReadHead();
    if (number == 0) return;
    if (number == 1) {
      connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"results\":[{\"id\":\"a\"}");
      return;
    }
    connection.WriteWhole(kGoodPage);
  });
  Harness harness;
  const auto report = harness.Run(Harness::LocalSpec(server.Url()));
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(harness.Values(), (std::vector<std::string>{R"({"id":"a"})", R"({"id":"b"})"}));
}

TEST(Hostile, LoopingPagesAreFoundWhateverLeadsBack) {
  LocalApi api([](const HttpRequest& request) {
    const std::string at = request.Parameter("after").value_or("0");
    if (at == "0") return HttpResponse{.body = R"({"results":[{"id":"a"}],"next":"1"})"};
    return HttpResponse{.body =
                            fmt::format(R"({{"results":[],"next":"{}"}})", at == "1" ? "2" : "1")};
  });
  auto spec = Harness::LocalSpec(api.Url());
  spec.paginate = {.kind = PageKind::kCursor, .parameter = "after", .path = "$.next"};
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "lead back to an address already read");

  LocalApi same([](const HttpRequest& request) {  // ignores the page number
    return HttpResponse{.body = fmt::format(R"({{"results":[{{"id":"a"}}],"page":{}}})",
                                            *request.Parameter("page"))};
  });
  spec = Harness::LocalSpec(same.Url());
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page"};
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "page's records were all on an earlier page");
}

TEST(Hostile, EndlessPagesEndAtTheLimit) {
  LocalApi api([](const HttpRequest& request) {
    return HttpResponse{
        .body = fmt::format(R"({{"results":[{{"id":"{}"}}]}})", *request.Parameter("page"))};
  });
  auto spec = Harness::LocalSpec(api.Url());
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page"};
  spec.limits.pages = 50;
  spec.limits.on_limit = OnLimit::kFail;
  ExpectFailure(spec, ErrorCode::kResourceExhausted, "limits reached on page 50 (50 pages, ");
}

TEST(Hostile, AbsurdRetryAfterIsCapped) {
  for (const char* value :
       {"86400", "999999999999999999999999", "Fri, 31 Dec 2199 23:59:59 GMT", "-5", "soon"}) {
    std::atomic<int> served = 0;
    LocalApi api([&](const HttpRequest&) {
      if (served++ < 2) return HttpResponse{.status = 429, .headers = {{"Retry-After", value}}};
      return HttpResponse{.body = std::string(kGoodPage)};
    });
    Harness harness;
    const int64_t begin_ns = io::SystemClock().MonotonicNs();
    const auto report = harness.Run(Harness::LocalSpec(api.Url()));
    ASSERT_TRUE(report) << value << report.error().ToString();
    EXPECT_LT(io::SystemClock().MonotonicNs() - begin_ns, 1'500'000'000) << value;
  }
}

TEST(Hostile, StormOfRefusalsFailsAfterTheAttempts) {
  LocalApi api([](const HttpRequest&) {
    return HttpResponse{.status = 503, .headers = {{"Retry-After", "0"}}};
  });
  ExpectFailure(Harness::LocalSpec(api.Url()), ErrorCode::kUnavailable,
                "answered 503 Service Unavailable");
  EXPECT_EQ(api.requests(), 3u);
  LocalApi gone([](const HttpRequest&) { return HttpResponse{.status = 404}; });
  ExpectFailure(Harness::LocalSpec(gone.Url()), ErrorCode::kInvalidArgument, "answered 404");
  EXPECT_EQ(gone.requests(), 1u);
}

TEST(Hostile, WrongShapesNameThePath) {
  LocalApi api([](const HttpRequest&) { return HttpResponse{.body = R"({"error":"quota"})"}; });
  ExpectFailure(Harness::LocalSpec(api.Url()), ErrorCode::kNotFound, "$['results']");
}

TEST(Ssrf, PrivateAddressesAreRefusedWithoutAConnection) {
  LocalApi api([](const HttpRequest&) { return HttpResponse{.body = std::string(kGoodPage)}; });
  auto spec = Harness::LocalSpec(api.Url());
  spec.allow_private = {"10.0.0.0/8"};
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "connecting to 127.0.0.1 is refused: loopback");
  EXPECT_EQ(api.requests(), 0u);
}

TEST(Ssrf, EveryAddressOfANameIsChecked) {
  LocalApi api([](const HttpRequest&) { return HttpResponse{.body = std::string(kGoodPage)}; });
  auto spec = Harness::LocalSpec(api.Origin("api.test") + "/api");
  Harness harness;
  harness.resolver.Set("api.test", {"127.0.0.1", "169.254.169.254"});
  const auto report = harness.Run(spec);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("169.254.169.254 is refused: cloud metadata"),
            std::string::npos);
  EXPECT_EQ(api.requests(), 0u);
}

// A name that means something else at each look: only the checked address may be connected to.
TEST(Ssrf, ConnectsToTheCheckedAddressOnly) {
  LocalApi api([](const HttpRequest& request) {
    EXPECT_TRUE(io::FindHeader(request.headers, "Host")->starts_with("api.test:"));
    return HttpResponse{.body = std::string(kGoodPage)};
  });
  Harness harness;
  harness.resolver.Set("api.test", {"127.0.0.1"});  // the system's resolver knows no such name
  const auto report = harness.Run(Harness::LocalSpec(api.Origin("api.test") + "/api"));
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(harness.resolver.calls(), 1);
}

TEST(Ssrf, RedirectsAreOffByDefaultAndCheckedWhenOn) {
  std::string location = "/there";
  LocalApi api([&](const HttpRequest& request) {
    if (request.path == "/there") return HttpResponse{.body = std::string(kGoodPage)};
    return HttpResponse{.status = 302, .headers = {{"Location", location}}};
  });
  auto spec = Harness::LocalSpec(api.Url());
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "and 0 redirects are followed");
  spec.redirects = 2;
  EXPECT_EQ(TryOnce(spec).readable, 2u);
  location = "http://169.254.169.254/latest/meta-data/";
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "cloud metadata");
  location = "http://[::ffff:10.0.0.1]/";
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "refused");
  location = "file:///etc/passwd";
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "neither http nor https");
  location = api.Url();  // to itself, for ever
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "2 redirects are followed");
}

TEST(Ssrf, NextPageAddressesAreChecked) {
  std::string next;
  LocalApi api([&](const HttpRequest&) {
    return HttpResponse{.body = fmt::format(R"({{"results":[{{"id":"a"}}],"next":"{}"}})", next)};
  });
  auto spec = Harness::LocalSpec(api.Url());
  spec.paginate = {.kind = PageKind::kNextUrl, .path = "$.next"};
  next = "http://169.254.169.254/latest";
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "cloud metadata");
  next = "gopher://127.0.0.1:70/";
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "neither http nor https");
  next = "http://user:pw@127.0.0.1/";
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "user name");
}

TEST(Ssrf, TokenEndpointsAreChecked) {
  LocalApi api([&](const HttpRequest&) { return HttpResponse{.body = std::string(kGoodPage)}; });
  auto spec = Harness::LocalSpec(api.Url());
  spec.auth = {.kind = AuthKind::kOauth2,
               .user = "me",
               .secret = Secret("s"),
               .token_url = "http://169.254.169.254/token"};
  ExpectFailure(spec, ErrorCode::kInvalidArgument, "cloud metadata");
  EXPECT_EQ(api.requests(), 0u);
}

TEST(Ssrf, PlainHttpNeedsPermission) {
  Harness harness;
  auto spec = Harness::LocalSpec("http://api.test/");
  harness.resolver.Set("api.test", {"93.184.216.34"});
  const auto report = harness.Run(spec);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("plain http is refused"), std::string::npos)
      << report.error().message;
}

constexpr std::string_view kCanary = "canary-7f3a&\"x";

// Every way a secret travels, against an API that says it is wrong: it must reach the API and
// nothing else.
TEST(Secrets, ReachTheApiAndNoMessage) {
  const std::vector<AuthSpec> ways = {
      {.kind = AuthKind::kApiKey, .header = "X-Key", .secret = Secret(std::string(kCanary))},
      {.kind = AuthKind::kApiKey, .parameter = "key", .secret = Secret(std::string(kCanary))},
      {.kind = AuthKind::kBasic, .user = "me", .secret = Secret(std::string(kCanary))},
      {.kind = AuthKind::kBearer, .secret = Secret(std::string(kCanary))},
  };
  for (const AuthSpec& auth : ways) {
    for (const int status : {401, 500, 302, 200}) {
      std::string seen;
      LocalApi api([&](const HttpRequest& request) {
        seen = request.target;
        for (const auto& header : request.headers) seen += "\n" + header.value;
        return HttpResponse{
            .status = status, .headers = {{"Location", request.target}}, .body = seen};
      });
      Harness harness;
      auto spec = Harness::LocalSpec(api.Url());
      spec.auth = auth;
      const auto report = harness.Run(spec);
      ASSERT_FALSE(report);
      const std::string said = report.error().ToString() + harness.log();
      EXPECT_EQ(said.find("canary"), std::string::npos) << said;
      EXPECT_EQ(said.find("bWU6Y2Fu"), std::string::npos) << said;  // base64 of "me:can"
      const bool arrived = seen.find("canary-7f3a") != std::string::npos ||
                           seen.find("Basic bWU6Y2Fu") != std::string::npos;
      EXPECT_TRUE(arrived) << seen;
    }
  }
}

TEST(Secrets, StayWithTheConfiguredOrigin) {
  std::string seen;
  LocalApi other([&](const HttpRequest& request) {
    for (const auto& header : request.headers) seen += header.name + ": " + header.value + "\n";
    return HttpResponse{.body = std::string(kGoodPage)};
  });
  LocalApi api([&](const HttpRequest& request) {
    const std::string* key = io::FindHeader(request.headers, "Authorization");
    EXPECT_TRUE(key != nullptr && *key == "Bearer canary");
    if (request.path == "/redirect")
      return HttpResponse{.status = 307, .headers = {{"Location", other.Url()}}};
    return HttpResponse{
        .body = fmt::format(R"({{"results":[{{"id":"z"}}],"next":"{}"}})", other.Url())};
  });
  for (const std::string_view path : {"/redirect", "/next"}) {
    Harness harness;
    auto spec = Harness::LocalSpec(api.Url(path));
    spec.redirects = 1;
    spec.auth = {.kind = AuthKind::kBearer, .secret = Secret("canary")};
    spec.headers = {{"X-Session", "canary"}};
    spec.paginate = {.kind = PageKind::kNextUrl, .path = "$.next"};
    ASSERT_TRUE(harness.Run(spec));
  }
  EXPECT_NE(seen.find("Host: 127.0.0.1"), std::string::npos);
  EXPECT_EQ(seen.find("canary"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("X-Millrace"), std::string::npos) << seen;
}

TEST(Secrets, Oauth2TokensAreKeptAndRenewedOnce) {
  std::atomic<int> tokens = 0;
  LocalApi api([&](const HttpRequest& request) {
    const std::string* key = io::FindHeader(request.headers, "Authorization");
    if (request.path == "/token") {
      EXPECT_EQ(request.body, "grant_type=client_credentials&scope=read%20all");
      EXPECT_EQ(*key, "Basic bWU6Y2FuYXJ5");  // me:canary
      return HttpResponse{
          .body = fmt::format(R"({{"access_token":"token{}","expires_in":3600}})", ++tokens)};
    }
    if (*key != "Bearer token2") return HttpResponse{.status = 401};
    return HttpResponse{.body = std::string(kGoodPage)};
  });
  Harness harness;
  auto spec = Harness::LocalSpec(api.Url());
  spec.auth = {.kind = AuthKind::kOauth2,
               .user = "me",
               .secret = Secret("canary"),
               .token_url = api.Url("/token"),
               .scope = "read all"};
  EXPECT_EQ(harness.Run(spec)->requests, 4);  // token, 401, token, page
  EXPECT_EQ(harness.Run(spec)->requests, 1);
  EXPECT_EQ(tokens, 2);
}

}  // namespace
}  // namespace millrace::extract
