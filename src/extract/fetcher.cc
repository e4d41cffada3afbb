#include "extract/fetcher.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"

namespace millrace::extract {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr uint64_t kTokenBytesMax = 1 << 20;

bool IsRetried(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
}

bool IsRetried(int status) {
  return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
         status == 503 || status == 504;
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Fetcher::Fetcher(const HttpSource& source, const ExtractContext& context,
                 const ExtractServices& services, const TemplateValues& values, std::string origin,
                 int64_t end_ns, CancelToken& cancel)
    : source_(source),
      context_(context),
      services_(services),
      values_(values),
      origin_(std::move(origin)),
      end_ns_(end_ns),
      cancel_(cancel) {}

Result<io::HttpReply> Fetcher::Fetch(const PageRequest& request,
                                     const std::function<Status(io::HttpReply&)>& read) {
  token_renewed_ = false;
  for (int attempt = 1;; ++attempt) {
    if (services_.clock.MonotonicNs() >= end_ns_)
      return Fail(ErrorCode::kTimeout, "page {}: the try has taken its {} ms (limits.duration)",
                  request.number, source_.spec.limits.duration.count());
    Attempt reply = FollowRedirects(request, MakeExchange());
    if (reply) {
      Status accepted = read(*reply);
      if (accepted) return std::move(*reply);
      const bool damaged = accepted.error().code == ErrorCode::kDamaged;
      reply = std::unexpected(Failure{std::move(accepted).error(), damaged});
      // A page that stays damaged is the API's failure, not damage to anything of ours.
      if (damaged) reply.error().error.code = ErrorCode::kUnavailable;
    }
    Failure& failure = reply.error();
    const bool last = !failure.retry || attempt >= source_.spec.retry.attempts;
    const std::string place = fmt::format("page {}, attempt {} of {}", request.number, attempt,
                                          source_.spec.retry.attempts);
    if (last) return std::unexpected(std::move(failure.error).WithContext(place));
    const nanoseconds delay = DelayBefore(attempt, request.number, failure);
    if (context_.log)
      context_.log(fmt::format("{}: {}; again in {} ms", place, failure.error.message,
                               std::chrono::duration_cast<milliseconds>(delay).count()));
    MR_TRY(WaitFor(services_.clock, &cancel_, delay, "waiting before a repeated request"));
  }
}

// Doubled for each attempt, between a half and the whole of it; not less than the server asked for,
// up to the cap.
nanoseconds Fetcher::DelayBefore(int attempt, int64_t page, const Failure& failure) const {
  const RetrySpec& retry = source_.spec.retry;
  const double doubled = static_cast<double>(retry.delay.count()) *
                         static_cast<double>(uint64_t{1} << std::min(attempt - 1, 40));
  const double capped = std::min(doubled, static_cast<double>(retry.delay_max.count()));
  // Spread by name, so that tasks that failed together do not come back together.
  const uint64_t draw = Hash64(fmt::format("{}/{}/{}/{}/{}/{}", context_.dag, context_.task,
                                           context_.run, context_.try_number, page, attempt));
  const double jitter = 0.5 + 0.5 * static_cast<double>(draw >> 11) * 0x1p-53;
  const nanoseconds own(static_cast<int64_t>(capped * jitter * 1e6));
  return std::min<nanoseconds>(std::max(own, failure.asked), retry.delay_max);
}

nanoseconds Fetcher::RetryAfter(const io::HttpReply& reply) const {
  const std::string* value = io::FindHeader(reply.headers, "Retry-After");
  if (value == nullptr) return nanoseconds(0);
  const auto most =
      std::chrono::duration_cast<std::chrono::seconds>(source_.spec.retry.delay_max).count() + 1;
  int64_t seconds = 0;
  const char* end = value->data() + value->size();
  const auto [at, error] = std::from_chars(value->data(), end, seconds);
  if (error == std::errc::result_out_of_range) {
    seconds = most;
  } else if (error != std::errc() || at != end) {
    const auto date = io::ParseHttpDate(*value);
    if (!date) return nanoseconds(0);
    seconds = *date - services_.clock.Now().value / 1'000'000;
  }
  return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, most));
}

io::HttpExchange Fetcher::MakeExchange() const {
  const HttpSourceSpec& spec = source_.spec;
  io::HttpExchange exchange{.method = spec.method, .url = {}};
  if (spec.method == "POST") exchange.body = source_.body.Render(values_);
  exchange.ca_file = spec.ca_file;
  exchange.timeouts = spec.timeouts;
  exchange.limits = {.header_bytes_max = 64 << 10,
                     .body_bytes_max = spec.limits.page_bytes,
                     .decompression_ratio_max = spec.limits.compression_ratio};
  exchange.cancel = &cancel_;
  return exchange;
}

void Fetcher::AddOwnHeaders(io::HttpExchange& exchange, const PageRequest& request) const {
  for (const auto& [name, value] : source_.headers)
    exchange.headers.push_back({name, value.Render(values_)});
  if (io::FindHeader(exchange.headers, "Accept") == nullptr)
    exchange.headers.push_back({"Accept", "application/json"});
  for (const io::HttpHeader& condition : request.conditions) exchange.headers.push_back(condition);
  if (!source_.spec.send_identity) return;
  exchange.headers.push_back({"X-Millrace-Dag", context_.dag});
  exchange.headers.push_back({"X-Millrace-Run", context_.run});
  exchange.headers.push_back({"X-Millrace-Task", context_.task});
  exchange.headers.push_back({"X-Millrace-Try", std::to_string(context_.try_number)});
  exchange.headers.push_back({"X-Millrace-Generation", std::to_string(context_.generation.value)});
  exchange.headers.push_back({"X-Millrace-Page", std::to_string(request.number)});
}

Fetcher::Attempt Fetcher::FollowRedirects(const PageRequest& request, io::HttpExchange exchange) {
  io::HttpUrl url = request.url;
  for (int hop = 0;; ++hop) {
    Attempt reply = SendOnce(exchange, url, request);
    if (!reply || !IsRedirect(reply->status)) return reply;
    const std::string* location = io::FindHeader(reply->headers, "Location");
    const auto refuse = [&](std::string why) {
      return std::unexpected(Failure{Error{ErrorCode::kInvalidArgument,
                                           fmt::format("{}: {}", url.ToPublicString(), why),
                                           "set the final address as url, or raise redirects"}});
    };
    if (location == nullptr) return refuse(fmt::format("{} without a Location", reply->status));
    auto next = io::ResolveHttpUrl(url, *location);
    if (!next) return refuse("redirects to what is " + next.error().message);
    if (hop >= source_.spec.redirects)
      return refuse(fmt::format("redirects to {}, and {} redirects are followed",
                                next->ToPublicString(), source_.spec.redirects));
    if (url.scheme == "https" && next->scheme == "http")
      return refuse("redirects from https to http, which is never followed");
    if (exchange.method == "POST" && reply->status < 307) {  // RFC 9110 section 15.4
      exchange.method = "GET";
      exchange.body.clear();
    }
    url = std::move(*next);
  }
}

Fetcher::Attempt Fetcher::SendOnce(io::HttpExchange& exchange, io::HttpUrl url,
                                   const PageRequest& request) {
  const auto fail = [](Error error) {
    const bool retry = IsRetried(error);
    return std::unexpected(Failure{std::move(error), retry});
  };
  auto address = CheckedAddress(url);
  if (!address) return fail(std::move(address).error());
  const RateLimitSpec& rate = source_.spec.rate_limit;
  if (auto taken =
          services_.limits.Acquire(url.host, rate.requests_per_second, rate.burst, &cancel_);
      !taken)
    return fail(std::move(taken).error());
  exchange.headers.clear();
  const io::HttpUrl shown = url;
  if (url.Origin() == origin_) {
    auto token = Token();
    if (!token) return fail(std::move(token).error());
    AddOwnHeaders(exchange, request);
    Authorise(source_.spec.auth, *token, exchange, url);
  } else {
    exchange.headers.push_back({"Accept", "application/json"});
  }
  exchange.url = url.ToString();
  exchange.connect_to = *address;
  ++requests_;
  auto reply = services_.http.Send(exchange);
  if (!reply) return fail(std::move(reply).error());
  return Judge(std::move(*reply), shown);
}

Fetcher::Attempt Fetcher::Judge(io::HttpReply reply, const io::HttpUrl& url) {
  const int status = reply.status;
  if ((status >= 200 && status < 300) || status == 304 || IsRedirect(status)) return reply;
  Failure failure{
      Error{ErrorCode::kInvalidArgument,
            fmt::format("{} answered {} {}", url.ToPublicString(), status, io::HttpReason(status)),
            {}}};
  if (status == 401 && source_.spec.auth.kind == AuthKind::kOauth2 && !token_renewed_) {
    services_.tokens.Drop(source_.spec.auth);
    token_renewed_ = true;
    failure.retry = true;
  }
  if (IsRetried(status)) {
    failure.retry = true;
    failure.error.code = ErrorCode::kUnavailable;
    failure.asked = RetryAfter(reply);
    if (failure.asked.count() > 0)
      services_.limits.Pause(url.host,
                             std::min<nanoseconds>(failure.asked, source_.spec.retry.delay_max));
  }
  if (status == 401 || status == 403) failure.error.hint = "check auth";
  return std::unexpected(std::move(failure));
}

// Resolves once and checks every answer; what is returned is what will be connected to.
Result<io::IpAddress> Fetcher::CheckedAddress(const io::HttpUrl& url) const {
  MR_ASSIGN(const auto addresses, services_.resolver.Resolve(url.host));
  bool explicitly = true;
  for (const io::IpAddress& address : addresses) {
    if (Status checked = CheckAddress(source_.policy, address); !checked)
      return std::unexpected(std::move(checked).error().WithContext(url.Origin()));
    explicitly = explicitly && IsExplicitlyAllowed(source_.policy, address);
  }
  if (url.scheme == "http" && !source_.spec.allow_http && !explicitly)
    return Fail(ErrorCode::kInvalidArgument, "{}: plain http is refused (allow_http permits it)",
                url.Origin());
  return addresses.front();
}

Result<std::optional<Secret>> Fetcher::Token() {
  const AuthSpec& auth = source_.spec.auth;
  if (auth.kind != AuthKind::kOauth2) return std::nullopt;
  if (auto kept = services_.tokens.Get(auth)) return kept;
  io::HttpExchange exchange = TokenRequest(auth);
  MR_ASSIGN(const io::HttpUrl url, io::ParseHttpUrl(auth.token_url));
  MR_ASSIGN(exchange.connect_to, CheckedAddress(url));
  exchange.ca_file = source_.spec.ca_file;
  exchange.timeouts = source_.spec.timeouts;
  exchange.limits.body_bytes_max = kTokenBytesMax;
  exchange.cancel = &cancel_;
  ++requests_;
  MR_ASSIGN(io::HttpReply reply, services_.http.Send(exchange));
  if (reply.status != 200)
    return Fail(IsRetried(reply.status) ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument,
                "token endpoint {} answered {} {}", url.ToPublicString(), reply.status,
                io::HttpReason(reply.status));
  MR_ASSIGN(AccessToken access, ReadTokenResponse(std::move(reply.body)));
  services_.tokens.Put(auth, access.token, access.lifetime);
  return access.token;
}

}  // namespace millrace::extract
