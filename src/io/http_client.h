// HttpClient: one HTTP request at a time per call, over libcurl, with everything bounded.
//
//   auto client = MakeHttpClient();
//   MR_ASSIGN(auto response, client->Send({.url = "https://api.example.com/v1/users"}));
//   if (response.status != 200) ...
//
// It does exactly one exchange: it follows no redirect, retries nothing, keeps no cookies, reads no
// ~/.netrc and no proxy variables. What is to happen next is the caller's decision.
//
// Invariants
//   1. With `connect_to` set, no other address is ever connected to, reused connections included:
//   kept
//      connections are shared only between requests with the same origin, address and TLS settings.
//   2. Errors name the URL without its query and never a header: they may carry secrets.
//   3. A body is counted after decompression; a limit that is passed ends the transfer at once.
//
// Thread contract: Send from any thread, concurrently. Callbacks run on the calling thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "io/http_address.h"
#include "io/http_message.h"

namespace millrace::io {

struct HttpTimeouts {
  std::chrono::milliseconds connect{10000};     // until TCP and TLS are up
  std::chrono::milliseconds first_byte{30000};  // until the first byte of the response
  std::chrono::milliseconds idle{30000};        // between two bytes of the response
  std::chrono::milliseconds total{300000};
};

struct HttpLimits {
  uint64_t header_bytes_max = 64 << 10;
  uint64_t body_bytes_max = 64 << 20;  // decompressed
  // Decompressed to compressed bytes; looked at above a decompressed megabyte.
  uint32_t decompression_ratio_max = 100;
};

struct HttpExchange {
  std::string method = "GET";
  std::string url;
  std::vector<HttpHeader> headers = {};
  std::string body = {};                     // sent with any method but GET and HEAD
  std::optional<IpAddress> connect_to = {};  // instead of resolving the URL's host
  std::string unix_socket = {};              // path; the URL's host is only a name then
  bool accept_compressed = true;             // gzip, deflate
  std::string ca_file = {};                  // PEM; empty: the system's
  HttpTimeouts timeouts = {};
  HttpLimits limits = {};
  // Takes the body piece by piece instead of HttpReply::body; an error ends the transfer and is
  // returned.
  std::function<Status(std::string_view)> on_body = {};
  CancelToken* cancel = nullptr;
};

struct HttpReply {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string body;             // empty with on_body
  uint64_t body_bytes = 0;      // decompressed
  uint64_t received_bytes = 0;  // of the body, as they came over the wire
  std::chrono::microseconds first_byte{};
  std::chrono::microseconds total{};
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any HTTP status is a reply. Errors: kInvalidArgument (URL, header), kUnavailable (cannot
  // connect, TLS, cut, not HTTP), kTimeout (which one is named), kResourceExhausted (a limit),
  // kCancelled.
  virtual Result<HttpReply> Send(const HttpExchange& exchange) = 0;
};

struct HttpClientOptions {
  std::string user_agent = "millrace";
  size_t kept_connections_max = 16;
};

std::unique_ptr<HttpClient> MakeHttpClient(HttpClientOptions options = {});

}  // namespace millrace::io
