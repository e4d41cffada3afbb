#include "extract/auth.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"
#include "base/hash.h"
#include "data/json_select.h"

namespace millrace::extract {
namespace {

constexpr int64_t kSpareNs = 30'000'000'000;
constexpr size_t kTokensMax = 1024;
constexpr int64_t kLifetimeMaxS = 86400;

std::string BasicValue(std::string_view user, const Secret& secret) {
  return "Basic " + EncodeBase64(fmt::format("{}:{}", user, secret.Reveal()));
}

void SetHeader(io::HttpExchange& request, std::string name, std::string value) {
  request.headers.push_back({std::move(name), std::move(value)});
}

}  // namespace

std::string TokenCache::KeyOf(const AuthSpec& auth) {
  return fmt::format("{}\n{}\n{}\n{:016x}", auth.token_url, auth.user, auth.scope,
                     Hash64(auth.secret.Reveal()));
}

std::optional<Secret> TokenCache::Get(const AuthSpec& auth) {
  std::lock_guard lock(mutex_);
  const auto found = tokens_.find(KeyOf(auth));
  if (found == tokens_.end() || clock_.MonotonicNs() + kSpareNs >= found->second.expires_ns)
    return std::nullopt;
  return found->second.token;
}

void TokenCache::Put(const AuthSpec& auth, Secret token, std::chrono::seconds lifetime) {
  std::lock_guard lock(mutex_);
  const int64_t now_ns = clock_.MonotonicNs();
  if (tokens_.size() >= kTokensMax)
    std::erase_if(tokens_, [&](const auto& entry) { return entry.second.expires_ns <= now_ns; });
  tokens_[KeyOf(auth)] = {std::move(token), now_ns + std::chrono::nanoseconds(lifetime).count()};
}

void TokenCache::Drop(const AuthSpec& auth) {
  std::lock_guard lock(mutex_);
  tokens_.erase(KeyOf(auth));
}

void Authorise(const AuthSpec& auth, const std::optional<Secret>& token, io::HttpExchange& request,
               io::HttpUrl& url) {
  switch (auth.kind) {
    case AuthKind::kNone:
      return;
    case AuthKind::kApiKey:
      if (!auth.header.empty())
        return SetHeader(request, auth.header, std::string(auth.secret.Reveal()));
      if (!url.query.empty()) url.query += '&';
      url.query +=
          io::PercentEncode(auth.parameter) + "=" + io::PercentEncode(auth.secret.Reveal());
      return;
    case AuthKind::kBasic:
      return SetHeader(request, "Authorization", BasicValue(auth.user, auth.secret));
    case AuthKind::kBearer:
      return SetHeader(request, "Authorization", fmt::format("Bearer {}", auth.secret.Reveal()));
    case AuthKind::kOauth2:
      if (token) SetHeader(request, "Authorization", fmt::format("Bearer {}", token->Reveal()));
      return;
  }
}

io::HttpExchange TokenRequest(const AuthSpec& auth) {
  io::HttpExchange request{.method = "POST", .url = auth.token_url};
  request.body = "grant_type=client_credentials";
  if (!auth.scope.empty()) request.body += "&scope=" + io::PercentEncode(auth.scope);
  SetHeader(request, "Content-Type", "application/x-www-form-urlencoded");
  SetHeader(request, "Accept", "application/json");
  // RFC 6749 section 2.3.1: both parts form-encoded before they are joined.
  SetHeader(
      request, "Authorization",
      BasicValue(io::PercentEncode(auth.user), Secret(io::PercentEncode(auth.secret.Reveal()))));
  return request;
}

Result<AccessToken> ReadTokenResponse(std::string body) {
  data::JsonPage page;
  if (!page.Load(body))
    return Fail(ErrorCode::kUnavailable, "the token endpoint's answer is not JSON");
  const auto token = page.Find(*data::JsonPath::Parse("$.access_token"));
  const auto lifetime = page.Find(*data::JsonPath::Parse("$.expires_in"));
  if (!token || !*token || (*token)->text.empty())
    return Fail(ErrorCode::kUnavailable, "the token endpoint's answer has no access_token");
  AccessToken access{.token = Secret((*token)->text)};
  if (!lifetime || !*lifetime) return access;
  int64_t seconds = 0;
  const std::string& text = (*lifetime)->text;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  access.lifetime = std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kLifetimeMaxS));
  return access;
}

}  // namespace millrace::extract
