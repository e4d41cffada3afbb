// HttpServer: a small HTTP/1.1 server on TCP and Unix sockets: the doors for metrics, health,
// control and the examples.
//
//   auto server = HttpServer::Create({}, [](const HttpRequest& request) {
//     return HttpResponse{.status = 200, .content_type = "text/plain", .body = "hello\n"};
//   });
//   MR_ASSIGN(const uint16_t port, server->ListenTcp({.port = 8080}));
//   ...
//   server->Stop();
//
// Thread contract: handlers run on `handler_threads` threads, so at most that many at once; one
// connection has at most one request in work. A handler may block. A response with `stream` is
// produced on a thread of its own (at most `streams_max` at once, further ones are answered 503),
// so that long tails starve nobody.
//
// Invariants
//   1. Everything a peer can make grow is bounded: connections, header and body bytes, the time of
//   each.
//   2. A connection over `connections_max` is answered 503 at once and closed: a probe never hangs.
//   3. Unix sockets have mode 0600 before the first connection can be made.
//   4. A non-loopback address is refused unless the caller says that it authenticates
//   (`allow_public`).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http_message.h"

namespace millrace::io {

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // as sent: "/api/?results=5"
  std::string path;    // decoded, without the query: "/api/"
  std::string query;   // as sent: "results=5"
  std::vector<HttpHeader> headers;
  std::string body;
  bool from_unix_socket = false;  // the peer passed the socket's file permissions

  // First value of a query parameter, decoded.
  std::optional<std::string> Parameter(std::string_view name) const;
};

// The body of a response as it is being made. One thread.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  // Sends the head (once) and these bytes; returns when the kernel has them. Fails with
  // kUnavailable when the peer is gone or too slow, with kCancelled when the server stops.
  virtual Status Write(std::string_view bytes) = 0;
  // The connection is closed without a proper end when the stream's function returns; later writes
  // fail. Before the first Write, the peer gets no byte at all.
  virtual void Abort() = 0;
  // True when the server wants to stop or the peer is known to be gone: a tail ends then.
  virtual bool closed() const = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";  // empty: no such field
  // Content-Length, Transfer-Encoding and Connection are the server's own.
  std::vector<HttpHeader> headers = {};
  std::string body = {};
  // When set, it makes the body (`body` is ignored), sent chunked, or with `stream_length`
  // announced.
  std::function<void(ResponseStream&)> stream = {};
  std::optional<uint64_t> stream_length = {};
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpServerOptions {
  int handler_threads = 2;
  int streams_max = 16;
  int connections_max = 256;
  uint32_t header_bytes_max = 32 << 10;
  uint64_t body_bytes_max = 8 << 20;
  std::chrono::milliseconds idle_max{60000};     // a kept connection without a request
  std::chrono::milliseconds request_max{15000};  // first to last byte of a request
  std::chrono::milliseconds write_max{30000};    // one response, or one Write of a stream
};

struct HttpListenTcp {
  std::string address = "127.0.0.1";  // numeric IPv4 or IPv6
  uint16_t port = 0;                  // 0: any free one
  bool allow_public = false;          // the handler authenticates: other than loopback may be bound
};

class HttpServer {
 public:
  struct Counters {
    uint64_t connections = 0;   // accepted since the start
    uint64_t refused = 0;       // of these, over connections_max
    uint64_t requests = 0;      // handed to the handler
    uint64_t bad_requests = 0;  // answered without the handler: malformed, too large, too slow
  };

  virtual ~HttpServer() = default;  // stops
  static std::unique_ptr<HttpServer> Create(HttpServerOptions options, HttpHandler handler);

  // The port that was bound. kUnavailable: in use; kInvalidArgument: not an address, or public.
  virtual Result<uint16_t> ListenTcp(const HttpListenTcp& where) = 0;
  // A socket file nobody listens on any more is replaced; kUnavailable when somebody does.
  virtual Status ListenUnix(const std::string& path) = 0;

  // Accepts nothing more, lets requests in work be answered within `grace`, then closes everything,
  // removes its socket files and joins its threads. Idempotent. Not to be called from a handler.
  virtual void Stop(std::chrono::milliseconds grace = std::chrono::milliseconds(2000)) = 0;
  virtual Counters counters() const = 0;
};

}  // namespace millrace::io
