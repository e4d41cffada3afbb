// Server and client against each other, and the server against bytes no client of ours would send.
#include "io/http_server.h"

#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/http_client.h"
#include "io/http_url.h"

namespace millrace::io {
namespace {

using std::chrono::milliseconds;

HttpResponse Echo(const HttpRequest& request) {
  if (request.path == "/big") return {.body = std::string(3'000'000, 'x')};
  if (request.path == "/throw") throw std::runtime_error("canary");
  if (request.path == "/bad-header") return {.headers = {{"X-A", "a\r\nSet-Cookie: b"}}};
  if (request.path == "/stream")
    return {.content_type = "text/event-stream", .stream = [](ResponseStream& out) {
              for (int i = 0; i < 5; ++i) (void)out.Write(fmt::format("data: {}\n\n", i));
            }};
  if (request.path == "/short")
    return {.stream = [](ResponseStream& out) { (void)out.Write("half"); }, .stream_length = 8};
  if (request.path == "/tail")
    return {.stream = [](ResponseStream& out) {
      while (!out.closed() && out.Write("tick\n")) std::this_thread::sleep_for(milliseconds(5));
    }};
  return {.content_type = "text/plain",
          .body = request.method + " " + request.target + " " + request.body};
}

struct Running {
  explicit Running(HttpServerOptions options = {}) : server(HttpServer::Create(options, Echo)) {
    port = *server->ListenTcp({});
  }
  Result<HttpReply> Get(std::string_view path) {
    return client->Send({.url = fmt::format("http://127.0.0.1:{}{}", port, path)});
  }
  // Sends raw bytes on a new connection and returns all that comes until it is closed.
  std::string Raw(std::string_view bytes) const {
    const int fd = Connect();
    (void)!write(fd, bytes.data(), bytes.size());
    std::string answer;
    char piece[4096];
    for (ssize_t got; (got = read(fd, piece, sizeof(piece))) > 0;)
      answer.append(piece, static_cast<size_t>(got));
    close(fd);
    return answer;
  }
  int Connect() const {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<HttpClient> client = MakeHttpClient();
  uint16_t port = 0;
};

TEST(Http, ExchangesBodiesAndReusesTheConnection) {
  Running running;
  EXPECT_EQ(running.Get("/a?b=1")->body, "GET /a?b=1 ");
  const auto reply =
      running.client->Send({.method = "POST",
                            .url = fmt::format("http://127.0.0.1:{}/p", running.port),
                            .body = std::string(2'000'000, 'y')});
  ASSERT_TRUE(reply) << reply.error().ToString();
  EXPECT_EQ(reply->body.size(), 2'000'000u + 8);
  EXPECT_EQ(running.Get("/big")->body, std::string(3'000'000, 'x'));
  EXPECT_EQ(running.server->counters().connections, 1u);
}

TEST(Http, StreamsArriveWholeOrFail) {
  Running running;
  EXPECT_EQ(running.Get("/stream")->body,
            "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
  EXPECT_EQ(running.Get("/short").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(running.Get("/a")->status, 200);
}

TEST(Http, FailingHandlersAnswer500WithoutTheirReason) {
  Running running;
  const auto thrown = running.Get("/throw");
  EXPECT_EQ(thrown->status, 500);
  EXPECT_EQ(thrown->body.find("canary"), std::string::npos);
  const auto injected = running.Get("/bad-header");
  EXPECT_EQ(injected->status, 500);
  EXPECT_EQ(FindHeader(injected->headers, "Set-Cookie"), nullptr);
}

TEST(Http, UnixSocketsArePrivateAndReplacedWhenStale) {
  const std::string path = testing::TempDir() + "/millrace-http.sock";
  unlink(path.c_str());
  auto first = HttpServer::Create({}, [](const HttpRequest& request) {
    return HttpResponse{.body = request.from_unix_socket ? "unix" : "tcp"};
  });
  ASSERT_TRUE(first->ListenUnix(path));
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  auto client = MakeHttpClient();
  EXPECT_EQ(client->Send({.url = "http://control/", .unix_socket = path})->body, "unix");
  auto second = HttpServer::Create({}, Echo);
  EXPECT_EQ(second->ListenUnix(path).error().code, ErrorCode::kUnavailable);
  first->Stop();
  EXPECT_NE(stat(path.c_str(), &info), 0);
  // A socket file left by a process that died.
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(fd);
  EXPECT_TRUE(second->ListenUnix(path));
}

TEST(HttpServer, RefusesPublicAndTakenAddresses) {
  Running running;
  EXPECT_EQ(running.server->ListenTcp({.address = "0.0.0.0"}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(running.server->ListenTcp({.address = "localhost"}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(running.server->ListenTcp({.port = running.port}).error().code,
            ErrorCode::kUnavailable);
}

TEST(HttpServer, AnswersBadRequestsAndCloses) {
  Running running({.header_bytes_max = 2048, .body_bytes_max = 1000});
  EXPECT_TRUE(running.Raw("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(running.Raw("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(
      running.Raw("GET / HTTP/1.1\r\nX: " + std::string(5000, 'a')).starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(running.Raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n")
                  .starts_with("HTTP/1.1 413"));
  EXPECT_EQ(running.server->counters().bad_requests, 3u);  // the second reached the dispatcher
}

TEST(HttpServer, SlowRequestsAndIdleConnectionsAreClosed) {
  Running running({.idle_max = milliseconds(80), .request_max = milliseconds(80)});
  EXPECT_EQ(running.Raw(""), "");
  EXPECT_EQ(running.Raw("GET / HTTP/1.1\r\nHost"), "");
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  Running running;
  const std::string answer = running.Raw(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 "
      "HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_LT(answer.find("GET /1"), answer.find("GET /2"));
  EXPECT_NE(answer.find("GET /3"), std::string::npos);
}

TEST(HttpServer, TooManyConnectionsAreToldAtOnce) {
  Running running({.connections_max = 2});
  const int a = running.Connect();
  const int b = running.Connect();
  std::string answer;
  for (int i = 0; i < 100 && !answer.starts_with("HTTP/1.1 503"); ++i) {
    std::this_thread::sleep_for(milliseconds(5));  // the first two are accepted by now or soon
    answer = running.Raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
  close(a);
  close(b);
}

TEST(HttpServer, StopEndsTailsAndFreesThePort) {
  Running running;
  uint64_t bytes = 0;
  std::thread reader([&] {
    (void)running.client->Send({.url = fmt::format("http://127.0.0.1:{}/tail", running.port),
                                .on_body = [&](std::string_view piece) -> Status {
                                  bytes += piece.size();
                                  return {};
                                }});
  });
  std::this_thread::sleep_for(milliseconds(100));
  running.server->Stop();
  reader.join();
  EXPECT_GT(bytes, 0u);
  auto again = HttpServer::Create({}, Echo);
  EXPECT_TRUE(again->ListenTcp({.port = running.port}));
}

TEST(HttpUrl, TakesApartAndResolves) {
  const auto url = ParseHttpUrl("HTTPS://Example.COM:443/a/../b?x=1#f");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->ToString(), "https://example.com/b?x=1");
  EXPECT_EQ(url->Origin(), "https://example.com");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:80/")->Origin(), "http://[::1]");
  EXPECT_EQ(ResolveHttpUrl(*url, "?y=2")->ToString(), "https://example.com/b?y=2");
  EXPECT_EQ(ResolveHttpUrl(*url, "//other/z")->ToString(), "https://other/z");
  EXPECT_EQ(ResolveHttpUrl(*url, "/q")->ToString(), "https://example.com/q");
  for (const char* bad : {"", "file:///etc/passwd", "http://u:p@h/", "http://", "ftp://h/",
                          "javascript:1", "/relative"})
    EXPECT_FALSE(ParseHttpUrl(bad)) << bad;
  EXPECT_EQ(ParseHttpUrl("http://h/p?key=canary")->ToPublicString(), "http://h/p");
}

TEST(HttpMessage, QueriesAndDates) {
  EXPECT_EQ(PercentDecode("a%2Fb+c%zz%4", true), "a/b c%zz%4");
  EXPECT_EQ(PercentEncode("a b/ü~"), "a%20b%2F%C3%BC~");
  EXPECT_EQ(ParseQuery("a=1&&b&c=%26"),
            (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", ""}, {"c", "&"}}));
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(ParseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  EXPECT_EQ(ParseHttpDate("Sun Nov  6 08:49:37 1994"), 784111777);
  EXPECT_EQ(ParseHttpDate("soon"), std::nullopt);
  EXPECT_FALSE(IsValidHeader({"a:b", "x"}));
  EXPECT_FALSE(IsValidHeader({"a", "x\ny"}));
}

}  // namespace
}  // namespace millrace::io
