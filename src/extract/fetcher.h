// Fetcher: one page request of a try, carried through: address check, rate limit, credentials,
// redirects, retries. Not part of the module's interface.
//
// What is retried (at most retry.attempts requests for a page): no connection, time-outs, a cut or
// undecodable answer, a body that is not JSON, and the statuses 408, 425, 429, 500, 502, 503, 504.
// A 401 under OAuth2 gets one new token. Everything else is final. Retry-After is honoured up to
// retry.delay_max and holds for the whole host.
//
// Thread contract: one Fetch at a time; requests() from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "extract/extractor.h"
#include "io/http_url.h"

namespace millrace::extract {

struct PageRequest {
  io::HttpUrl url;                              // without credentials
  int64_t number = 1;                           // of the page in its try, from 1
  std::vector<io::HttpHeader> conditions = {};  // If-None-Match, If-Modified-Since
};

class Fetcher {
 public:
  // `origin`: of the configured URL; credentials and configured headers go nowhere else. `end_ns`:
  // monotonic time after which no request is begun. All outlive the fetcher.
  Fetcher(const HttpSource& source, const ExtractContext& context, const ExtractServices& services,
          const TemplateValues& values, std::string origin, int64_t end_ns, CancelToken& cancel);

  // A 2xx or 304 reply that `read` accepted; an error of `read` with kDamaged is retried.
  Result<io::HttpReply> Fetch(const PageRequest& request,
                              const std::function<Status(io::HttpReply&)>& read);
  int64_t requests() const { return requests_; }

 private:
  struct Failure {
    Error error;
    bool retry = false;
    std::chrono::nanoseconds asked{0};  // Retry-After
  };
  using Attempt = std::expected<io::HttpReply, Failure>;

  Attempt FollowRedirects(const PageRequest& request, io::HttpExchange exchange);
  Attempt SendOnce(io::HttpExchange& exchange, io::HttpUrl url, const PageRequest& request);
  Attempt Judge(io::HttpReply reply, const io::HttpUrl& url);
  io::HttpExchange MakeExchange() const;
  void AddOwnHeaders(io::HttpExchange& exchange, const PageRequest& request) const;
  Result<io::IpAddress> CheckedAddress(const io::HttpUrl& url) const;
  Result<std::optional<Secret>> Token();
  std::chrono::nanoseconds DelayBefore(int attempt, int64_t page, const Failure& failure) const;
  std::chrono::nanoseconds RetryAfter(const io::HttpReply& reply) const;

  const HttpSource& source_;
  const ExtractContext& context_;
  const ExtractServices& services_;
  const TemplateValues& values_;
  const std::string origin_;
  const int64_t end_ns_;
  CancelToken& cancel_;
  std::atomic<int64_t> requests_ = 0;
  bool token_renewed_ = false;  // within the current Fetch
};

}  // namespace millrace::extract
